import Synchronization

/// The end of a sandbox, which comes once and can be awaited by many.
final class SandboxEnding: Sendable {
    private struct State {
        var end: SandboxEnd?
        var waiting: [Int: CheckedContinuation<SandboxEnd?, Never>] = [:]
        /// Waits that were cancelled before they began.
        var cancelled: Set<Int> = []
        var tickets = 0
    }

    private let state = Mutex(State())

    /// How it ended; `nil` while it runs.
    var end: SandboxEnd? { state.withLock(\.end) }

    /// Waits for the end, even when the task is cancelled.
    func wait() async -> SandboxEnd {
        // Only a wait that is cancelled comes to nothing.
        await wait(ticket()) ?? SandboxEnd(reason: "")
    }

    /// Waits for the end.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    func next() async throws -> SandboxEnd {
        let ticket = ticket()
        let end = await withTaskCancellationHandler {
            await wait(ticket)
        } onCancel: {
            cancel(ticket)
        }
        guard let end else { throw CancellationError() }
        return end
    }

    /// Takes note of the end; only the first counts.
    func finish(_ end: SandboxEnd) {
        let waiting: [CheckedContinuation<SandboxEnd?, Never>] = state.withLock { state in
            guard state.end == nil else { return [] }
            state.end = end
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume(returning: end) }
    }

    private func ticket() -> Int {
        state.withLock { state in
            state.tickets += 1
            return state.tickets
        }
    }

    private func wait(_ ticket: Int) async -> SandboxEnd? {
        await withCheckedContinuation { continuation in
            let isOver: Bool = state.withLock { state in
                guard state.end == nil, state.cancelled.remove(ticket) == nil else { return true }
                state.waiting[ticket] = continuation
                return false
            }
            if isOver { continuation.resume(returning: end) }
        }
    }

    private func cancel(_ ticket: Int) {
        let waiting: CheckedContinuation<SandboxEnd?, Never>? = state.withLock { state in
            guard state.end == nil else { return nil }
            let waiting = state.waiting.removeValue(forKey: ticket)
            if waiting == nil { state.cancelled.insert(ticket) }
            return waiting
        }
        waiting?.resume(returning: nil)
    }
}
