import GEM
import Registry
import Transport

/// Every path of the HTTP server.
struct HTTPDoor: Sendable {
    let rpc: RPCDoor
    let rest: RESTDoor
    let interface: InterfaceDoor
    let openEnv: OpenEnvDoor
    let crossOrigin: CrossOrigin
    let limits: ServerConfiguration.Limits

    private static let environments = Array("/apis/v1/envs/gem/".utf8)

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        // Browsers say which page a request comes from; nobody else does.
        guard let origin = request.headers["Origin"] else { return await route(request) }
        return await crossOrigin.answer(request, from: origin) { await route(request) }
    }

    /// Environments first: they are stepped tens of thousands of times a second.
    private func route(_ request: HTTPRequest) async -> HTTPResponse {
        let path = request.rawPath
        switch path.count {
        case 4 where path.elementsEqual("/rpc".utf8): return await answerRPC(request)
        case 1:
            return request.isMethod("GET") || request.isMethod("HEAD")
                ? .json(.ok, Array(#"{"message":"hello, ROCK!"}"#.utf8)) : Self.methodNotAllowed("GET, HEAD")
        case 7 where path.elementsEqual("/health".utf8):
            return request.isMethod("GET") || request.isMethod("HEAD")
                ? .json(.ok, Array(#"{"status":"ok"}"#.utf8)) : Self.methodNotAllowed("GET, HEAD")
        case Self.environments.count... where path.starts(with: Self.environments):
            return await answerREST(request, name: path.dropFirst(Self.environments.count))
        default:
            if let refusal = crossOrigin.refusal(ofHost: request) { return refusal }
            if path.starts(with: OpenEnvDoor.prefix) { return await answerOpenEnv(request) }
            return await interface.answer(request)
        }
    }

    // MARK: - Paths

    private func answerRPC(_ request: HTTPRequest) async -> HTTPResponse {
        let caller: Caller
        switch admit(request) {
        case .success(let admitted): caller = admitted
        case .failure(let refusal): return .refusal(refusal)
        }
        if request.isMethod("POST") {
            guard let body = await body(of: request) else { return Self.tooLarge(limits.messageBytes) }
            guard let answer = await rpc.answer(body, caller: caller, connection: ClientConnection(request.connection))
            else {
                return HTTPResponse(204)
            }
            return .json(.ok, answer)
        }
        guard request.isMethod("GET") else { return Self.methodNotAllowed("GET, POST") }
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = limits.messageBytes
        let messages = MessageDoor(rpc: rpc, caller: caller, inFlight: limits.inFlight)
        let connection = ClientConnection(request.connection)
        return .webSocket(configuration) { socket in try await messages.serve(socket, connection: connection) }
    }

    private func answerREST(_ request: HTTPRequest, name: ArraySlice<UInt8>) async -> HTTPResponse {
        let caller: Caller
        switch admit(request, scope: .user) {
        case .success(let admitted): caller = admitted
        case .failure(let refusal): return .refusal(refusal)
        }
        guard request.isMethod("POST") else { return Self.methodNotAllowed("POST") }
        guard let body = await body(of: request) else { return Self.tooLarge(limits.messageBytes) }
        let name = String(decoding: name, as: UTF8.self)
        let connection = ClientConnection(request.connection)
        return await rest.answer(name, body: body, caller: caller, connection: connection) ?? Self.notFound
    }

    private func answerOpenEnv(_ request: HTTPRequest) async -> HTTPResponse {
        switch admit(request, scope: .user) {
        case .success(let caller): await openEnv.answer(request, caller: caller)
        case .failure(let refusal): .refusal(refusal)
        }
    }

    /// The whole body; `nil` where it is larger than a message may be.
    private func body(of request: HTTPRequest) async -> [UInt8]? {
        // A body that cannot be read to its end has no client left to answer.
        try? await request.body.collect(upTo: limits.messageBytes)
    }

    // MARK: - Refusals

    /// Who sent `request`, if that is somebody who may do what `scope` is needed for.
    private func admit(_ request: HTTPRequest, scope: APIScope = .read) -> Result<Caller, Access.Refusal> {
        let access = interface.access
        // The usual case on loopback, decided without looking for headers that are not there.
        if access.keys == nil, !access.isKeyRequired { return .success(.anyone) }
        do throws(Access.Refusal) {
            let caller = try access.caller(of: request)
            if caller.may(scope) { return .success(caller) }
            throw Access.Refusal(
                failure: Failure(
                    .forbidden, "This needs a key of scope \(scope.rawValue), not \(caller.scope.rawValue)."))
        } catch {
            interface.services.metrics.refusals.add()
            Log(interface.services.logs, "access")(
                .warning, "\(request.peer) may not call environments: \(error.failure.message)")
            return .failure(error)
        }
    }

    private static let notFound = HTTPResponse.problem(.notFound, "Not Found")

    private static func methodNotAllowed(_ allowed: String) -> HTTPResponse {
        .problem(405, "Method Not Allowed", headers: [HTTPField("Allow", allowed)])
    }

    private static func tooLarge(_ limit: Int) -> HTTPResponse {
        .problem(413, "A body may have at most \(limit) bytes.")
    }
}
