import GEM
import Transport

private let session = Option(
    "session", letter: "s", .text("NAME"), default: "default", summary: "The session; opened where there is none")

extension Command {
    /// `rockctl sandbox attach`.
    static let sandboxAttach: Command = .init(
        "attach", summary: "Use a bash session of a sandbox on this terminal",
        discussion: """
            Sessions stay when you leave: what runs in them goes on, and programs that use the session by the API see what \
            you did. The terminal takes over the size of yours. The detach keys leave; 'exit' ends the session and, with \
            its status, this command.
            """,
        options: [session, ProgramOrder.user, ProgramOrder.detachKeys] + ServerAccess.options,
        positionals: [SandboxArgument.one],
        examples: [
            .init("rockctl sandbox attach 3f2a", "The session 'default'. Ctrl-P Ctrl-Q leaves."),
            .init("rockctl sandbox attach 3f2a -s build --detach-keys ctrl-x", "Another one, left by Ctrl-X."),
        ],
        catchesSignals: true
    ) { call in
        let console = call.console
        guard console.inputIsTerminal, console.outputIsTerminal else {
            throw CommandError(
                .usage, "attach wants a terminal for input and output", hint: "'rockctl sandbox exec -i' works without")
        }
        let server = try await ServerAccess.open(call)
        let sandbox = try await SandboxArgument.resolve(call[SandboxArgument.one], server)
        try await open(call[session], of: sandbox, for: call[ProgramOrder.user], server)
        let size = console.size ?? (columns: 80, rows: 24)
        let socket = try await server.webSocket(
            ServerClient.path(
                of: sandbox, "/sessions/\(ServerClient.escaped(call[session]))/attach",
                [("rows", "\(min(size.rows, 4096))"), ("cols", "\(min(size.columns, 4096))")]))
        let bridge = StreamBridge(
            socket: socket, form: .terminal, console: console, takesInput: true, hasTerminal: true,
            detachKeys: call[ProgramOrder.detachKeys])
        switch try await bridge.run() {
        case .exited(let status):
            console.report("\nthe session has ended\n")
            throw ProgramEnded(status: status)
        case .detached:
            console.report("\ndetached; the session goes on\n")
            return .success
        case .refused(let reason): throw CommandError(.failure, printable(reason, limit: 1000))
        case .timedOut, .lost:
            throw CommandError(
                .failure, "the connection broke off; the session may go on",
                hint: "'rockctl sandbox inspect \(sandbox)' says whether the sandbox still runs")
        }
    }

    /// Opens the session where there is none of this name.
    private static func open(
        _ name: String, of sandbox: String, for user: String?, _ server: ServerClient
    ) async throws {
        let sessions = try await server.call("sandbox.sessions", ["sandbox_id": .string(sandbox)])
        let list = sessions["sessions"]?.array ?? sessions.array ?? []
        // One whose shell has ended is made anew.
        let isThere = list.contains { session in
            (session["session"] ?? session["name"] ?? session).string == name && session["state"]?.string != "ended"
        }
        if isThere { return }
        var params: JSON.Object = ["sandbox_id": .string(sandbox), "session": .string(name), "env_enable": true]
        if let user { params["remote_user"] = .string(user) }
        _ = try await server.call("sandbox.create_session", .object(params))
    }
}
