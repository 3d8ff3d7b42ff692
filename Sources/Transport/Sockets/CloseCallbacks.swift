import Synchronization

/// Takes a callback of `onClose` back.
package struct CloseToken: Hashable, Sendable {
    fileprivate let rawValue: Int
}

/// What is to be done when a connection has ended.
final class CloseCallbacks: Sendable {
    private struct State {
        var isClosed = false
        var next = 0
        var waiting: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// Keeps `body` for the end; calls it at once if that has come.
    func add(_ body: @escaping @Sendable () -> Void) -> CloseToken {
        let token: Int? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.next += 1
            state.waiting[state.next] = body
            return state.next
        }
        if token == nil { body() }
        return CloseToken(rawValue: token ?? 0)
    }

    func remove(_ token: CloseToken) {
        state.withLock { _ = $0.waiting.removeValue(forKey: token.rawValue) }
    }

    /// Calls every callback once, in the order they came.
    func run() {
        let callbacks = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [:] }
            return state.waiting.sorted { $0.key < $1.key }
        }
        for (_, callback) in callbacks { callback() }
    }
}
