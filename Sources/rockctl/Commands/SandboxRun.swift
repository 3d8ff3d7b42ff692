import GEM

private let keep = Option.flag(
    "keep", summary: "Leave the sandbox running afterwards, and write its id to standard error")

extension Command {
    /// `rockctl sandbox run`.
    static let sandboxRun: Command = .init(
        "run", summary: "Start a sandbox, run a program in it, and remove it",
        discussion: """
            \(ProgramOrder.statuses)
            """,
        options: SandboxRequest.options + ProgramOrder.options + [keep] + ServerAccess.options,
        positionals: [SandboxRequest.image, ProgramOrder.words],
        examples: [
            .init("rockctl sandbox run python:3.11 python3 -c 'print(1)'", "A program in a sandbox of its own."),
            .init("rockctl sandbox run -it host bash", "A shell to try things in; nothing of it stays."),
        ],
        catchesSignals: true, foreignWords: 1
    ) { call in
        guard !call[ProgramOrder.words].isEmpty else { throw UsageError(at: call.path, "COMMAND is missing") }
        return try await ProgramOrder.guarding(call) {
            let server = try await ServerAccess.open(call)
            let id = try await SandboxRequest.begin(call, server)
            let remove: @Sendable () async -> Void = {
                // In a task of its own: an interrupted command is cancelled, and its clean-up must not be.
                await Task {
                    do { try await SandboxEnding.remove(id, isForced: true, server) } catch {
                        call.console.report("sandbox \(id) is left: \((error as? CommandError)?.what ?? "\(error)")\n")
                    }
                }.value
            }
            do {
                try await Interrupted.watching {
                    _ = try await SandboxRequest.finish(id, within: call[SandboxRequest.wait], server)
                }
                let status = try await ProgramOrder(call).run(call[ProgramOrder.words], in: id, server)
                if call[keep] { call.console.report("sandbox \(id) stays\n") } else { await remove() }
                return status
            } catch {
                if !call[keep] { await remove() }
                throw error
            }
        }
    }
}
