import Glibc
import Synchronization
import Transport

/// Ctrl-C, SIGTERM or the end of the terminal came while a command ran, and it has put everything away.
struct Interrupted: Error {}

extension Interrupted {
    /// The signals that ask a command to end.
    static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// Runs `body` for a command that ``Command/catchesSignals``; the first signal cancels its task, a second one ends the process at once.
    ///
    /// - Returns: What `body` returns, even if a signal came so late that it did not notice.
    /// - Throws: ``Interrupted`` where a signal cancelled it; otherwise what it throws.
    static func watching<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let loop = try EventLoop(name: "signals")
        defer { loop.shutDown() }
        let source = try SignalSource(signals, on: loop)
        let work = Task { try await body() }
        let count = Atomic(0)
        let watch = Task {
            for await _ in source.signals {
                if count.wrappingAdd(1, ordering: .relaxed).newValue > 1 { _exit(ExitCode.interrupted.rawValue) }
                work.cancel()
            }
        }
        let result = await work.result
        source.cancel()
        await watch.value
        do {
            return try result.get()
        } catch {
            throw count.load(ordering: .relaxed) > 0 ? Interrupted() : error
        }
    }
}
