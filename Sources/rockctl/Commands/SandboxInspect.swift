import GEM

extension Command {
    /// `rockctl sandbox inspect`.
    static let sandboxInspect: Command = .init(
        "inspect", summary: "Show everything known of sandboxes, as JSON",
        discussion: """
            One object for each sandbox, one a line: its status, all its moves, what was asked for, its walls.
            """,
        options: [ServerAccess.json] + ServerAccess.options, positionals: [SandboxArgument.several],
        examples: [.init("rockctl sandbox inspect 3f2a | jq .isolation_report", "The walls around it.")]
    ) { call in
        let server = try await ServerAccess.open(call)
        for id in try await SandboxArgument.resolveAll(call, server) {
            let answer = try await server.call("sandbox.inspect", ["sandbox_id": .string(id)])
            try call.console.write(ImageArgument.line(answer))
        }
        return .success
    }
}
