import GEM
import Transport

extension Command {
    /// `rockctl sandbox logs`.
    static let sandboxLogs: Command = .init(
        "logs", summary: "Show what a sandbox's first process has said",
        discussion: """
            That process is the agent: it says when sessions end badly and why the sandbox ends. What programs write goes \
            to whoever runs them.
            """,
        options: ServerAccess.options, positionals: [SandboxArgument.one]
    ) { call in
        let server = try await ServerAccess.open(call)
        let id = try await SandboxArgument.resolve(call[SandboxArgument.one], server)
        let console = call.console
        try await server.stream(HTTPClientRequest("GET", ServerClient.path(of: id, "/log"))) { _, body in
            for try await piece in body { try console.write(bytes: piece) }
        }
        return .success
    }
}
