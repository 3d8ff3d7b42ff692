import GEM

private let state = Option(
    "state", letter: "s",
    .text("STATE,…", completion: .words(["pending", "running", "stopped", "archived", "deleted"])),
    default: "running", summary: "The states that are waited for; any of them will do")
private let timeout = Option("timeout", .time, default: .seconds(60), summary: "How long to wait at most")

extension Command {
    /// `rockctl sandbox wait`.
    static let sandboxWait: Command = .init(
        "wait", summary: "Wait until sandboxes are in a state, and write it",
        discussion: """
            The server answers the moment the state is reached. Ends with 6 where the time is over before.
            """,
        options: [state, timeout, ServerAccess.json] + ServerAccess.options, positionals: [SandboxArgument.several],
        examples: [.init("rockctl sandbox wait 3f2a --state stopped --timeout 1h", "Until it has stopped.")]
    ) { call in
        let known = ["pending", "running", "stopped", "archiving", "archived", "deleted"]
        let states = call[state].split(separator: ",").map(String.init)
        guard !states.isEmpty, states.allSatisfy(known.contains) else {
            throw UsageError(at: call.path, "'--state' takes some of \(known.joined(separator: ", "))")
        }
        let server = try await ServerAccess.open(call)
        let deadline = ContinuousClock.now + call[timeout]
        for id in try await SandboxArgument.resolveAll(call, server) {
            let status = try await SandboxWaiting.wait(for: id, states: states, deadline - .now, server)
            let reached = status["state"]?.string ?? "?"
            guard states.contains(reached) else {
                throw CommandError(.timedOut, "sandbox \(id) is still \(reached)")
            }
            try call.console.write(call[ServerAccess.json] ? ImageArgument.line(status) : reached + "\n")
        }
        return .success
    }
}
