import GEM

private let force = Option.flag("force", letter: "f", summary: "Stop it first where it still runs")

extension Command {
    /// `rockctl sandbox stop`.
    static let sandboxStop: Command = .init(
        "stop", summary: "Stop sandboxes; their files stay for a restart",
        options: ServerAccess.options, positionals: [SandboxArgument.several],
        examples: [.init("rockctl sandbox stop $(rockctl sandbox list -q)", "All that run.")]
    ) { call in
        try await each(call) { id, server in
            _ = try await server.call("sandbox.stop", ["sandbox_id": .string(id)])
        }
    }

    /// `rockctl sandbox restart`.
    static let sandboxRestart: Command = .init(
        "restart", summary: "Start sandboxes anew with the files they have",
        discussion: """
            One that runs is stopped first. Sessions and programs are gone afterwards; files stay.
            """,
        options: [SandboxRequest.wait] + ServerAccess.options, positionals: [SandboxArgument.several]
    ) { call in
        let limit = call[SandboxRequest.wait]
        return try await each(call) { id, server in
            try await SandboxEnding.stopIfLive(id, server)
            _ = try await server.call("sandbox.restart", ["sandbox_id": .string(id)])
            _ = try await SandboxRequest.finish(id, within: limit, server)
        }
    }

    /// `rockctl sandbox remove`.
    static let sandboxRemove: Command = removal("remove", summary: "Remove sandboxes and their files")

    /// `rockctl sandbox delete`, as ROCK calls it.
    static let sandboxDelete: Command = removal("delete", summary: "The same as 'remove'")

    private static func removal(_ name: String, summary: String) -> Command {
        Command(
            name, summary: summary, options: [force] + ServerAccess.options, positionals: [SandboxArgument.several],
            examples: [.init("rockctl sandbox \(name) --force 3f2a", "Whether it runs or not.")]
        ) { call in
            let isForced = call[force]
            return try await each(call) { id, server in
                try await SandboxEnding.remove(id, isForced: isForced, server)
            }
        }
    }

    /// Does something to each sandbox that the line names, and writes the ids of those where it went well.
    private static func each(
        _ call: Invocation, _ body: @Sendable (String, ServerClient) async throws -> Void
    ) async throws -> ExitCode {
        let server = try await ServerAccess.open(call)
        var code = ExitCode.success
        for id in try await SandboxArgument.resolveAll(call, server) {
            do {
                try await body(id, server)
                try call.console.write(id + "\n")
            } catch let error as CommandError {
                // The others are tried all the same.
                call.console.report(error.text(at: call.path.joined(separator: " "), style: call.console.errorStyle))
                code = error.code
            }
        }
        return code
    }
}

/// How sandboxes end.
enum SandboxEnding {
    /// Removes it; a live one only where `isForced`.
    static func remove(_ id: String, isForced: Bool, _ server: ServerClient) async throws {
        if isForced { try await stopIfLive(id, server) }
        do {
            _ = try await server.call("sandbox.delete", ["sandbox_id": .string(id)])
        } catch let error as CommandError {
            // A server may keep nothing of what is stopped.
            let state = try await state(of: id, server)
            if isForced, state == "deleted" { return }
            guard ["pending", "running"].contains(state) else { throw error }
            throw CommandError(error.code, "sandbox \(id) is \(state)", hint: "--force stops it first")
        }
    }

    /// Stops it unless it is stopped, and waits until it is.
    static func stopIfLive(_ id: String, _ server: ServerClient) async throws {
        guard ["pending", "running"].contains(try await state(of: id, server)) else { return }
        _ = try await server.call("sandbox.stop", ["sandbox_id": .string(id)])
        _ = try await SandboxWaiting.wait(for: id, states: ["stopped", "archived", "deleted"], .seconds(60), server)
    }

    private static func state(of id: String, _ server: ServerClient) async throws -> String {
        let status = try await server.call(
            "sandbox.get_status", ["sandbox_id": .string(id), "include_all_states": true])
        return status["state"]?.string ?? ""
    }
}
