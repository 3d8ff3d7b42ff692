import GEM
import Transport

/// Every path of the HTTP server.
struct HTTPDoor: Sendable {
    let rpc: RPCDoor
    let rest: RESTDoor
    let limits: ServerConfiguration.Limits
    /// Web origins whose pages may call.
    let allowedOrigins: [String]

    private static let environments = Array("/apis/v1/envs/gem/".utf8)

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        if request.headers.contains("Origin"), let refusal = refusal(of: request) { return refusal }
        let path = request.rawPath
        switch path.count {
        case 4 where path.elementsEqual("/rpc".utf8): return await answerRPC(request)
        case 1:
            return request.isMethod("GET") || request.isMethod("HEAD")
                ? .json(.ok, Array(#"{"message":"hello, ROCK!"}"#.utf8)) : Self.methodNotAllowed("GET, HEAD")
        case 7 where path.elementsEqual("/health".utf8):
            return request.isMethod("GET") || request.isMethod("HEAD")
                ? .json(.ok, Array(#"{"status":"healthy"}"#.utf8)) : Self.methodNotAllowed("GET, HEAD")
        case Self.environments.count... where path.starts(with: Self.environments):
            return await answerREST(request, name: path.dropFirst(Self.environments.count))
        default: return Self.notFound
        }
    }

    // MARK: - Paths

    private func answerRPC(_ request: HTTPRequest) async -> HTTPResponse {
        if request.isMethod("POST") {
            guard let body = await body(of: request) else { return Self.tooLarge(limits.messageBytes) }
            guard let answer = await rpc.answer(body, connection: ClientConnection(request.connection)) else {
                return HTTPResponse(204)
            }
            return .json(.ok, answer)
        }
        guard request.isMethod("GET") else { return Self.methodNotAllowed("GET, POST") }
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = limits.messageBytes
        let messages = MessageDoor(rpc: rpc, inFlight: limits.inFlight)
        let connection = ClientConnection(request.connection)
        return .webSocket(configuration) { socket in try await messages.serve(socket, connection: connection) }
    }

    private func answerREST(_ request: HTTPRequest, name: ArraySlice<UInt8>) async -> HTTPResponse {
        guard request.isMethod("POST") else { return Self.methodNotAllowed("POST") }
        guard let body = await body(of: request) else { return Self.tooLarge(limits.messageBytes) }
        let name = String(decoding: name, as: UTF8.self)
        return await rest.answer(name, body: body, connection: ClientConnection(request.connection)) ?? Self.notFound
    }

    /// The whole body; `nil` where it is larger than a message may be.
    private func body(of request: HTTPRequest) async -> [UInt8]? {
        // A body that cannot be read to its end has no client left to answer.
        try? await request.body.collect(upTo: limits.messageBytes)
    }

    // MARK: - Refusals

    /// A page that somebody happens to visit must not reach a server on loopback: browsers name the page's origin.
    private func refusal(of request: HTTPRequest) -> HTTPResponse? {
        let origins = request.headers.all(named: "Origin")
        if origins.allSatisfy(allowedOrigins.contains) { return nil }
        return Self.detail(
            403,
            "Pages from \(origins.joined(separator: ", ").prefix(200)) may not call this server. List the origin under allowed_origins."
        )
    }

    private static let notFound = detail(.notFound, "Not Found")

    private static func methodNotAllowed(_ allowed: String) -> HTTPResponse {
        var response = detail(405, "Method Not Allowed")
        response.headers.append(HTTPField("Allow", allowed))
        return response
    }

    private static func tooLarge(_ limit: Int) -> HTTPResponse {
        detail(413, "A body may have at most \(limit) bytes.")
    }

    private static func detail(_ status: HTTPStatus, _ text: String) -> HTTPResponse {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("detail")
        writer.string(text)
        writer.endObject()
        return .json(status, writer.bytes)
    }
}
