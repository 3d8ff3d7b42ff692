extension Command {
    /// `rockctl sandbox exec`.
    static let sandboxExec: Command = .init(
        "exec", summary: "Run a program in a sandbox, with our streams",
        discussion: """
            The program gets its arguments as they are, without a shell. Its output and its errors come out of ours. \
            Everything behind the program's name belongs to it; '--' in front is allowed.

            \(ProgramOrder.statuses)

            Without a terminal, Ctrl-C is passed on as a signal; the second one leaves.
            """,
        options: ProgramOrder.options + ServerAccess.options,
        positionals: [SandboxArgument.one, ProgramOrder.words],
        examples: [
            .init("rockctl sandbox exec 3f2a python3 -V", "One command; the id's beginning is enough."),
            .init("rockctl sandbox exec -it 3f2a bash", "A shell on your terminal."),
            .init("tar -c src | rockctl sandbox exec -i 3f2a tar -x -C /work", "Input from a pipe."),
        ],
        catchesSignals: true, foreignWords: 1
    ) { call in
        guard !call[ProgramOrder.words].isEmpty else { throw UsageError(at: call.path, "COMMAND is missing") }
        return try await ProgramOrder.guarding(call) {
            let server = try await ServerAccess.open(call)
            let sandbox = try await SandboxArgument.resolve(call[SandboxArgument.one], server)
            return try await ProgramOrder(call).run(call[ProgramOrder.words], in: sandbox, server)
        }
    }
}
