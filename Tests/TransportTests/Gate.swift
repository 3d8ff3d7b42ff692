import Synchronization

/// Holds a handler until the test opens it.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var held: [CheckedContinuation<Void, Never>] = []
        var arrival: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let (arrival, isOpen) = state.withLock { state in
                if !state.isOpen { state.held.append(continuation) }
                return (state.arrival.take(), state.isOpen)
            }
            arrival?.resume()
            if isOpen { continuation.resume() }
        }
    }

    func waitForArrival() async {
        await withCheckedContinuation { continuation in
            let hasArrived = state.withLock { state in
                if state.held.isEmpty { state.arrival = continuation }
                return !state.held.isEmpty
            }
            if hasArrived { continuation.resume() }
        }
    }

    func open() {
        let held = state.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }
}
