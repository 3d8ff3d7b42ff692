import GEM
import Synchronization
import Transport

/// Which event loop watches the socket.
extension Sandbox {
    /// Called with a call from `current` just sent. Returns the loop that has to begin watching, if one has to.
    func chooseLoop(_ current: EventLoop?, _ state: inout State) -> EventLoop? {
        guard state.isWatched else {
            // The first call: whoever makes it gets the reply without a second thread.
            state.isWatched = true
            if let current { state.loop = current }
            return state.loop
        }
        guard let current, current !== state.loop, state.leaving == nil else {
            state.callsFromElsewhere = 0
            return nil
        }
        // A few calls may be visitors, and clients that share connections come from everywhere; this many in a row
        // are a new home.
        state.callsFromElsewhere += 1
        if state.callsFromElsewhere == 8 { move(to: current, &state) }
        return nil
    }

    /// Hands the socket from loop to loop. Whatever arrives meanwhile is reported once the new loop watches.
    private func move(to loop: EventLoop, _ state: inout State) {
        let old = state.loop
        state.loop = loop
        state.leaving = old
        state.callsFromElsewhere = 0
        old.execute {
            self.unwatch(on: old)
            self.state.withLock { $0.leaving = nil }
            self.watch(on: loop)
        }
    }

    /// Begins to watch on `loop`, unless it has come to an end or moved on meanwhile.
    func watch(on loop: EventLoop) {
        guard loop.isCurrent else { return loop.execute { self.watch(on: loop) } }
        let isBroken = state.withLock { state in
            guard case .running = state.phase, state.loop === loop, state.leaving == nil else { return false }
            do {
                let interest: Interest = state.unsent.isEmpty ? .readable : [.readable, .writable]
                try loop.watch(jail.connection, for: interest, handler: self)
                state.isAwaitingRoom = !state.unsent.isEmpty
                return false
            } catch {
                return true
            }
        }
        if isBroken { lose() }
    }

    /// Asks for ``watchForRoom(_:)`` on the loop that watches.
    func watchForRoom() {
        let loop = state.withLock(\.loop)
        loop.execute { self.state.withLock { self.watchForRoom(&$0) } }
    }

    /// Asks to hear of room to send exactly while something is left to send. Called on the loop that watches.
    func watchForRoom(_ state: inout State) {
        guard case .running = state.phase, state.leaving == nil, state.loop.isCurrent,
            state.isAwaitingRoom == state.unsent.isEmpty
        else { return }
        state.isAwaitingRoom.toggle()
        // Fails only where it is not watched, and then watching begins with the right interest.
        try? state.loop.update(jail.connection, for: state.isAwaitingRoom ? [.readable, .writable] : .readable)
    }

    /// Stops watching, soon. Nothing begins to watch any more, because the sandbox does not run any more.
    func unwatch() {
        let loop = state.withLock(\.loop)
        loop.execute { self.unwatch(on: loop) }
    }

    /// Stops watching, and closes the descriptor once no loop will touch it again.
    func release() async {
        let (leaving, loop) = state.withLock { ($0.leaving, $0.loop) }
        // In this order: letting go on the one loop is followed by a look at the other.
        for loop in [leaving, loop] {
            guard let loop else { continue }
            await withCheckedContinuation { continuation in
                loop.execute {
                    self.unwatch(on: loop)
                    continuation.resume()
                }
            }
        }
        state.withLock { $0.isReleased = true }
        jail.closeConnection()
    }

    /// Called on `loop`. Whoever comes late finds the descriptor released: its number may be another sandbox's by then.
    private func unwatch(on loop: EventLoop) {
        state.withLock { state in
            if !state.isReleased { loop.unwatch(jail.connection) }
        }
    }
}
