import GEM
import Transport

/// Bash sessions, by name.
final class SessionService: Service, @unchecked Sendable {
    // Safety of @unchecked: `sessions` is touched on the loop's thread only, where every handler runs.

    /// Callers that never close one have to stop somewhere.
    private static let limit = 2048

    private let context: ServerContext
    private var sessions: [String: Session] = [:]

    init(_ context: ServerContext) {
        self.context = context
    }

    var routes: [Route] {
        [
            Route("POST", "/create_session") { [self] in try await create($0) },
            Route("POST", "/run_in_session") { [self] in try await run($0) },
            Route("POST", "/close_session") { [self] in try await close($0) },
            Route("POST", "/close") { [self] _ in
                await shutDown()
                return .json { _ in }
            },
            Route("GET", "/sessions") { [self] _ in list() },
            Route("POST", "/sessions/{name}/signal") { [self] in try await control($0, "signal") },
            Route("POST", "/sessions/{name}/resize") { [self] in try await control($0, "resize") },
            Route("GET", "/sessions/{name}/attach") { [self] in try attach($0) },
        ]
    }

    func shutDown() async {
        let open = sessions
        sessions = [:]
        await withTaskGroup { group in
            for session in open.values { group.addTask { await session.close() } }
        }
    }

    // MARK: ROCK's paths

    private func create(_ call: Call) async throws -> HTTPResponse {
        let request = try CreateSessionRequest(try await call.fields())
        if let ended = sessions[request.name], ended.hasEnded {
            sessions[request.name] = nil
            await ended.close()
        }
        guard sessions[request.name] == nil else {
            throw RockletException(.sessionExists, "session \(request.name) already exists")
        }
        guard sessions.count < Self.limit else {
            throw RockletException(.runtime, "There are \(Self.limit) sessions in this sandbox; close some first.")
        }
        let session = try Session.launch(request, context)
        sessions[request.name] = session
        let output: [UInt8]
        do {
            output = try await session.awaitPrompt(request.startupTimeout)
        } catch let error as CancellationError {
            // Its maker has gone: the name is free again.
            if sessions[request.name] === session { sessions[request.name] = nil }
            await session.close()
            throw error
        }
        return .json { json in
            json.name("output")
            json.string(PythonText.decoded(output).span)
            json.name("session_type")
            json.string("bash")
        }
    }

    private func run(_ call: Call) async throws -> HTTPResponse {
        let request = try RunRequest(try await call.fields())
        let observation = try await session(request.session).run(request)
        return .json { observation.write(to: &$0) }
    }

    private func close(_ call: Call) async throws -> HTTPResponse {
        var fields = try await call.fields()
        let name = fields.text("session", default: "default")
        try fields.check()
        let session = try session(name)
        sessions[name] = nil
        await session.close()
        return .json { json in
            json.name("session_type")
            json.string("bash")
        }
    }

    private func session(_ name: String) throws(RockletException) -> Session {
        guard let session = sessions[name] else {
            throw RockletException(.sessionDoesNotExist, "session \(PythonText.quoted(name)) does not exist")
        }
        return session
    }

    // MARK: Our own

    private func list() -> HTTPResponse {
        .json { json in
            json.name("sessions")
            json.beginArray()
            for (_, session) in sessions.sorted(by: { $0.key < $1.key }) { session.write(to: &json) }
            json.endArray()
        }
    }

    private func control(_ call: Call, _ name: String) async throws -> HTTPResponse {
        let session = try session(call.parameters[0])
        let fields = try await call.fields()
        let control: TerminalControl
        if name == "resize", let rows = fields["rows"], let columns = fields["cols"] {
            control = try TerminalControl(JSON.object(["resize": .array([rows, columns])]).serialized)
        } else {
            control = try TerminalControl(JSON.object([name: fields[name] ?? .null]).serialized)
        }
        session.control(control)
        return .json { _ in }
    }

    private func attach(_ call: Call) throws -> HTTPResponse {
        let session = try session(call.parameters[0])
        let rows = call.request.query("rows").flatMap { Int($0) }
        let columns = call.request.query("cols").flatMap { Int($0) }
        return .webSocket { socket in try await session.attach(socket, rows: rows, columns: columns) }
    }
}

extension Session {
    /// What `GET /sessions` says about it.
    fileprivate func write(to json: inout JSONWriter) {
        json.beginObject()
        json.name("session")
        json.string(name)
        json.name("session_type")
        json.string("bash")
        json.name("state")
        let isReady: String
        switch state {
        case .starting: isReady = "starting"
        case .idle: isReady = "idle"
        case .running: isReady = "running"
        case .occupied: isReady = "occupied"
        case .ended: isReady = "ended"
        }
        json.string(isReady)
        json.name("pid")
        json.integer(process)
        if case .ended(let status) = state {
            json.name("exit_code")
            json.integer(status.exitCode)
        }
        if let account {
            json.name("user")
            json.string(account.name)
        }
        json.name("rows")
        json.integer(terminal.rows)
        json.name("cols")
        json.integer(terminal.columns)
        json.name("attached")
        json.integer(attachments.count)
        json.endObject()
    }
}
