import Synchronization

/// Counts what one connection has in flight and makes its reader wait at the limit.
final class InFlight: Sendable {
    private struct State {
        var count = 0
        /// The reader, which is the only one that waits.
        var reader: CheckedContinuation<Void, Never>?
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    /// Counts one more, once there is room for it.
    func enter() async {
        let hasRoom: Bool = state.withLock { state in
            state.count += 1
            return state.count <= limit
        }
        if hasRoom { return }
        await withCheckedContinuation { continuation in
            let hasRoom: Bool = state.withLock { state in
                if state.count <= limit { return true }
                state.reader = continuation
                return false
            }
            if hasRoom { continuation.resume() }
        }
    }

    /// Counts one less.
    func leave() {
        let reader: CheckedContinuation<Void, Never>? = state.withLock { state in
            state.count -= 1
            return state.count <= limit ? state.reader.take() : nil
        }
        reader?.resume()
    }
}
