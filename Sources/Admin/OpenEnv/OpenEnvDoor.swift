import GEM
import Synchronization
import Transport

// OpenEnv's wire form of our environments, so that its clients play them.
//
//   OpenEnvDoor.swift           the paths below /openenv/{env_id}/
//   OpenEnvConversation.swift   the WebSocket
//   OpenEnvSession.swift        one player of one environment

/// Answers `/openenv/{env_id}/health|metadata|schema|reset|step|state|ws`.
///
/// Over a WebSocket each connection plays by itself. Over plain HTTP, where a request belongs to nobody, all who send no
/// `X-Session-Id` share one environment of an id, and those who send one have the environment of that name.
final class OpenEnvDoor: Sendable {
    private let calls: EnvironmentCalls
    private let messageBytes: Int
    /// Sessions over plain HTTP by environment and name.
    private let sessions = Mutex<[String: OpenEnvSession]>([:])

    static let prefix = Array("/openenv/".utf8)
    private static let mostSessions = 4096

    init(calls: EnvironmentCalls, messageBytes: Int) {
        self.calls = calls
        self.messageBytes = messageBytes
    }

    /// Answers a request whose path begins with ``prefix``.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - caller: Whose it is: sessions are not shared with anybody else.
    /// - Returns: The answer, 404 where there is no such environment or path.
    func answer(_ request: HTTPRequest, caller: Caller) async -> HTTPResponse {
        let parts = request.path.dropFirst(Self.prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return .problem(.notFound, "Not Found") }
        let (environment, verb) = (String(parts[0]), String(parts[1]))
        do throws(Failure) {
            let spec = try calls.directory.registry.spec(environment)
            switch verb {
            case "health": return Self.get(request) { ["status": "healthy"] }
            case "metadata": return Self.get(request) { Self.metadata(spec) }
            case "schema": return Self.get(request) { Self.schema }
            case "ws": return webSocket(request, environment, caller)
            case "state":
                let session = try self.session(environment, request, caller)
                return Self.get(request) { session.description }
            case "reset", "step":
                guard request.isMethod("POST") else { return Self.methodNotAllowed("POST") }
                return try await play(verb, request, try session(environment, request, caller))
            default: return .problem(.notFound, "Not Found")
            }
        } catch {
            let status = error.kind == .unknownEnvironment ? 404 : error.kind.httpStatus
            return .problem(HTTPStatus(rawValue: UInt16(status)), error.message, kind: error.kind)
        }
    }

    private func webSocket(_ request: HTTPRequest, _ environment: String, _ caller: Caller) -> HTTPResponse {
        guard request.isMethod("GET") else { return Self.methodNotAllowed("GET") }
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = messageBytes
        let conversation = OpenEnvConversation(
            session: OpenEnvSession(
                environment, calls: calls, caller: caller, connection: ClientConnection(request.connection)))
        return .webSocket(configuration) { socket in try await conversation.serve(socket) }
    }

    private func play(
        _ verb: String, _ request: HTTPRequest, _ session: OpenEnvSession
    ) async throws(Failure) -> HTTPResponse {
        guard let body = try? await request.body.collect(upTo: messageBytes) else {
            throw Failure(.tooLarge, "A body may have at most \(messageBytes) bytes.")
        }
        let json: JSON
        do { json = body.isEmpty ? [:] : try JSON(parsing: body.span) } catch {
            throw Failure(.parseError, "The body is not JSON: \(error).")
        }
        guard json.object != nil else { throw Failure(.invalidRequest, "The body must be a JSON object.") }
        if verb == "reset" { return .json(.ok, try await session.reset(json).serialized) }
        guard let action = json["action"] else { throw Failure(.invalidParams, "action is required.") }
        return .json(.ok, try await session.step(action).serialized)
    }

    /// The session that a request over plain HTTP belongs to.
    private func session(
        _ environment: String, _ request: HTTPRequest, _ caller: Caller
    ) throws(Failure) -> OpenEnvSession {
        let name = request.headers["X-Session-Id"] ?? ""
        guard name.utf8.count <= 255 else { throw Failure(.invalidParams, "X-Session-Id has more than 255 bytes.") }
        let key = "\(environment)\n\(caller.name)\n\(name)"
        return try sessions.withLock { (sessions) throws(Failure) in
            if let session = sessions[key] { return session }
            guard sessions.count < Self.mostSessions else {
                throw Failure(
                    .overloaded,
                    "There are \(Self.mostSessions) sessions already. Use the WebSocket, which ends its own.")
            }
            let session = OpenEnvSession(environment, calls: calls, caller: caller, connection: nil)
            sessions[key] = session
            return session
        }
    }

    // MARK: - What is known without playing

    private static func metadata(_ spec: EnvironmentSpec) -> JSON {
        var writer = JSONWriter()
        spec.write(to: &writer)
        let card = (try? JSON(parsing: writer.bytes.span)) ?? [:]
        return [
            "name": .string(spec.id.description), "description": card["summary"] ?? card["description"] ?? "",
            "version": .string("\(spec.id.version)"), "readme_content": .null, "author": .null,
            "documentation_url": .null,
        ]
    }

    private static let schema: JSON = [
        "action": [
            "type": "object", "properties": ["action": ["type": "string", "description": "The agent's whole text"]],
            "required": ["action"],
        ],
        "observation": [
            "type": "object",
            "properties": [
                "text": ["type": "string"], "info": ["type": "object"], "terminated": ["type": "boolean"],
                "truncated": ["type": "boolean"],
            ],
        ],
        "state": [
            "type": "object",
            "properties": [
                "episode_id": ["type": ["string", "null"]], "step_count": ["type": "integer"],
                "env_id": ["type": "string"], "sandbox_id": ["type": ["string", "null"]],
            ],
        ],
    ]

    private static func get(_ request: HTTPRequest, _ json: () -> JSON) -> HTTPResponse {
        guard request.isMethod("GET") || request.isMethod("HEAD") else { return methodNotAllowed("GET, HEAD") }
        return .json(.ok, json().serialized)
    }

    private static func methodNotAllowed(_ allowed: String) -> HTTPResponse {
        .problem(405, "Method Not Allowed", headers: [HTTPField("Allow", allowed)])
    }
}
