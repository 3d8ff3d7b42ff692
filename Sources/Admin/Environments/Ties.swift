import Synchronization
import Transport

/// What a live environment is tied to from outside: its idle timer, and the connection that holds its lease. Both are
/// given up when the environment ends.
final class Ties: Sendable {
    private enum State {
        case tied(timer: EventLoop.Timer?, lease: (@Sendable () -> Void)?)
        case cut
    }

    private let state = Mutex(State.tied(timer: nil, lease: nil))

    /// Takes `timer` in place of the one before.
    func tie(timer: EventLoop.Timer) {
        let isCut: Bool = state.withLock { state in
            guard case .tied(_, let lease) = state else { return true }
            state = .tied(timer: timer, lease: lease)
            return false
        }
        if isCut { timer.cancel() }
    }

    /// Has `release` called when the ties are cut.
    func tie(lease release: @escaping @Sendable () -> Void) {
        let isCut: Bool = state.withLock { state in
            guard case .tied(let timer, _) = state else { return true }
            state = .tied(timer: timer, lease: release)
            return false
        }
        if isCut { release() }
    }

    /// Gives both up.
    func cut() {
        guard case .tied(let timer, let lease) = state.withLock({ exchange(&$0, with: .cut) }) else { return }
        timer?.cancel()
        lease?()
    }

    private func exchange(_ state: inout State, with new: State) -> State {
        defer { state = new }
        return state
    }
}
