import GEM
import Synchronization

/// Lets one call in after the other, in the order in which they come.
final class CallOrder: Sendable {
    /// As many as may wait for a sandbox.
    private static let mostWaiting = 256

    private struct State {
        var isBusy = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// First of `waiting` that still waits.
        var next = 0
    }

    private let state = Mutex(State())

    /// Waits for those before; whoever was let in calls ``leave()``.
    ///
    /// - Throws: ``Failure`` of kind `overloaded` where too many wait.
    func enter() async throws(Failure) {
        guard state.withLock({ $0.waiting.count - $0.next < Self.mostWaiting }) else {
            throw Failure(
                .overloaded, "\(Self.mostWaiting) calls wait for this environment already. Wait for one of them.")
        }
        await enterBehindAll()
    }

    /// ``enter()`` however many wait.
    func enterBehindAll() async {
        let isFree: Bool = state.withLock { state in
            defer { state.isBusy = true }
            return !state.isBusy
        }
        if isFree { return }
        await withCheckedContinuation { continuation in
            let isFree: Bool = state.withLock { state in
                guard state.isBusy else {
                    state.isBusy = true
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    /// Lets the next one in.
    func leave() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.next < state.waiting.count else {
                state.isBusy = false
                return nil
            }
            let next = state.waiting[state.next]
            state.next += 1
            if state.next == state.waiting.count {
                state.waiting.removeAll(keepingCapacity: true)
                state.next = 0
            }
            return next
        }
        next?.resume()
    }
}
