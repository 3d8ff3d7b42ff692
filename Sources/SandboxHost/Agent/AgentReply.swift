package import GEM

/// What a rocklet answered to a call.
package struct AgentReply: Sendable, Equatable {
    /// The status of HTTP: 200, 511 for an exception inside, 404 and 405 for what does not exist, 422 for a bad shape.
    package let status: Int
    /// JSON, unless the path says otherwise.
    package let body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    package var isSuccess: Bool { 200..<300 ~= status }

    /// The exception that the call ended with inside, if it did.
    package var exception: RockletException? {
        guard status == RockletException.status else { return nil }
        let json = try? JSON(parsing: body.span)
        return json.flatMap { RockletException($0["rockletexception"] ?? $0) }
            ?? RockletException(
                classPath: "builtins.Exception", message: String(decoding: body.prefix(1000), as: UTF8.self))
    }

    /// The body of a success.
    ///
    /// - Throws: ``Failure`` of the kind that fits the exception inside, with its message; `invalidArgument` for any other
    ///   status in the four hundreds and `infraFailed` for the rest, with what the body says.
    package func result() throws(Failure) -> [UInt8] {
        if isSuccess { return body }
        if let exception { throw exception.failure }
        let detail = (try? JSON(parsing: body.span))?["detail"]
        let text = detail?.string ?? String(decoding: body.prefix(1000), as: UTF8.self)
        switch status {
        case 404, 405: throw Failure(.methodNotFound, "The rocklet inside does not know this call: \(text)")
        case 413: throw Failure(.tooLarge, text)
        case 400..<500: throw Failure(.invalidArgument, text)
        case 504: throw Failure(.timeout, text)
        default: throw Failure(.infraFailed, "The rocklet answered \(status): \(text)")
        }
    }
}

/// An exception that a call ended with inside a sandbox, as it travels.
package struct RockletException: Error, Equatable, Sendable {
    /// The status of an answer that carries one.
    package static let status = 511

    /// Module and class, such as `builtins.FileNotFoundError`.
    package let classPath: String
    package let message: String
    /// More for programs; an object.
    package let extraInfo: JSON

    package init(classPath: String, message: String, extraInfo: JSON = [:]) {
        self.classPath = classPath
        self.message = message
        self.extraInfo = extraInfo
    }

    init?(_ json: JSON) {
        guard let classPath = json["class_path"]?.string, let message = json["message"]?.string else { return nil }
        self.init(classPath: classPath, message: message, extraInfo: json["extra_info"] ?? [:])
    }

    /// The last part of ``classPath``.
    package var className: Substring { classPath.split(separator: ".").last ?? "" }

    /// The failure that it is to who called from outside.
    package var failure: Failure {
        let kind: Failure.Kind =
            switch className {
            case "FileNotFoundError", "SessionDoesNotExistError", "KeyError", "ProcessLookupError": .notFound
            case "FileExistsError", "SessionExistsError": .conflict
            case "PermissionError": .forbidden
            case "NonZeroExitCodeError", "BashIncorrectSyntaxError", "NoExitCodeError": .commandFailed
            case "CommandTimeoutError", "TimeoutError": .timeout
            case "MemoryError": .tooLarge
            default: .invalidArgument
            }
        return Failure(kind, message)
    }
}
