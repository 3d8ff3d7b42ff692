import GEM
import Synchronization

/// Lets calls through one at a time, in the order in which they came.
final class CallTurns: Sendable {
    private struct State {
        var isTaken = false
        /// Who waits, first come first; those before `next` have had their turn.
        var waiting: [CheckedContinuation<Void, Never>] = []
        var next = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: How many may wait.
    init(limit: Int) { self.limit = limit }

    /// Waits for its turn, which ``end()`` ends.
    ///
    /// - Throws: ``Failure`` of kind `overloaded` where too many wait already.
    func begin() async throws(Failure) {
        let (isFree, isFull) = state.withLock { state in
            if state.isTaken { return (false, state.waiting.count - state.next >= limit) }
            state.isTaken = true
            return (true, false)
        }
        if isFree { return }
        if isFull {
            throw Failure(.overloaded, "\(limit) calls wait for this sandbox already. Wait for one of them.")
        }
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.isTaken { state.waiting.append(continuation) }
                defer { state.isTaken = true }
                return !state.isTaken
            }
            if isFree { continuation.resume() }
        }
    }

    /// Passes the turn on.
    func end() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.next < state.waiting.count else {
                (state.waiting, state.next) = ([], 0)
                state.isTaken = false
                return nil
            }
            state.next += 1
            let next = state.waiting[state.next - 1]
            if state.next > 64 {
                state.waiting.removeFirst(state.next)
                state.next = 0
            }
            return next
        }
        next?.resume()
    }
}
