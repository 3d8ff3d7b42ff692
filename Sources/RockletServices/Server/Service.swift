package import Transport

/// A part of the in-sandbox interface: sessions, programs, files, ports, environments.
package protocol Service: Sendable {
    /// The paths it answers.
    var routes: [Route] { get }

    /// Opens what it listens on besides the routes. Called once, on the loop, before the first request.
    ///
    /// - Throws: Whatever makes the server useless; it ends with that message.
    func start() async throws

    /// Ends what it has started: the server is going away. Called once, on the loop.
    func shutDown() async
}

extension Service {
    package func start() async throws {}
    package func shutDown() async {}
}

/// One path and method, and what answers them.
package struct Route: Sendable {
    package typealias Answer = @Sendable (Call) async throws -> HTTPResponse

    /// `GET`, `POST`, …
    let method: String
    /// The path; a part in braces, such as `{name}`, stands for any one part.
    let path: String
    let answer: Answer

    /// - Parameters:
    ///   - method: An HTTP method.
    ///   - path: An absolute path.
    ///   - answer: Runs on the server's loop, which it must not block. It may throw ``RockletException`` (answered 511),
    ///     ``InvalidBody`` (422), `Failure` (its own status) and `HTTPError`; anything else is a 511 of `builtins.RuntimeError`.
    package init(_ method: String, _ path: String, _ answer: @escaping Answer) {
        self.method = method
        self.path = path
        self.answer = answer
    }
}

/// One request on its way to a route.
package struct Call: Sendable {
    package let request: HTTPRequest
    /// What stands in the place of each part in braces, decoded, in order.
    package let parameters: [String]

    /// The longest JSON body: a command of 1 MiB with every byte escaped, several times over.
    static let bodyLimit = 32 << 20  // bytes

    /// Reads the body as a JSON object.
    ///
    /// - Returns: Its members; none where there is no body.
    /// - Throws: ``InvalidBody`` where it is not a JSON object; as reading the body.
    package func fields() async throws -> BodyFields {
        let body = try await request.body.collect(upTo: Self.bodyLimit)
        return try BodyFields(body)
    }
}
