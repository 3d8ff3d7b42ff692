package import GEM
import Glibc
import Synchronization
import Transport

/// One sandbox: calls go in, replies come out, until it is closed or ends.
///
/// Its state changes at once under a mutex, never across an `await`. Its socket is watched by one event loop, which
/// delivers replies; a caller on another loop gets the socket moved there, so that a reply needs no second thread.
package final class Sandbox: Sendable {
    package let id: SandboxID
    let jail: Jail
    let state: Mutex<State>
    private let host: SandboxHost
    private let onEnd: (@Sendable (Failure) -> Void)?

    struct State {
        enum Phase {
            case running
            /// The connection broke; the jail is being reaped, and then it is known why.
            case ending
            case failed(Failure)
            case closed
        }

        var phase = Phase.running
        /// The loop that watches the socket, or is about to.
        var loop: EventLoop
        /// A loop that still has to let go of the socket before `loop` can watch it.
        var leaving: EventLoop?
        var isWatched = false
        /// The descriptor has been closed.
        var isReleased = false
        /// The watching loop also reports room to send.
        var isAwaitingRoom = false
        /// The calls in the order they came. The first has been sent, or as much of it as the socket took.
        var calls = CallQueue()
        var unsent: ArraySlice<UInt8> = []
        var lastCall: UInt64 = 0
        /// The beginning of a reply that came in pieces.
        var input: [UInt8] = []
        var deadline = ContinuousClock.now
        var timer: (handle: EventLoop.Timer, due: ContinuousClock.Instant)?
        /// `nil` where the kernel chooses the processor.
        var footsteps: Footsteps?
        /// How many calls in a row came from a loop that does not watch the socket.
        var callsFromElsewhere = 0
    }

    /// - Parameters:
    ///   - id: Its name.
    ///   - jail: What it runs in.
    ///   - host: Owns the jail.
    ///   - loop: Watches the socket until a call comes from another one.
    ///   - failure: Why it has ended already; `nil` for one that runs.
    ///   - onEnd: Called once if it ends before it is closed.
    init(
        _ id: SandboxID, _ jail: Jail, host: SandboxHost, loop: EventLoop, failure: Failure? = nil,
        onEnd: (@Sendable (Failure) -> Void)?
    ) {
        self.id = id
        self.jail = jail
        self.host = host
        self.onEnd = onEnd
        var state = State(loop: loop, footsteps: host.configuration.followsLoop ? Footsteps() : nil)
        if let failure { state.phase = .failed(failure) }
        self.state = Mutex(state)
    }

    /// Which walls stand around it.
    package var isolation: IsolationReport { host.isolation }

    /// Its first process as this machine sees it; 0 where that is unknown.
    package var process: Int32 { jail.process }

    /// What its process holds now; `nil` once it has ended. It reads a few lines of /proc.
    package var usage: SandboxUsage? { SandboxUsage(of: process) }

    /// Whether no call waits for it.
    package var isIdle: Bool { state.withLock { $0.calls.count == 0 } }

    /// By what the next host on this machine finds it again.
    package var place: SandboxPlace { SandboxPlace(slot: jail.slot, process: jail.process, limits: jail.limits) }

    /// What every call answers from now on; `nil` while it runs.
    package var failure: Failure? {
        state.withLock { state in
            switch state.phase {
            case .running, .ending: nil
            case .failed(let failure): failure
            case .closed: Self.closed(id)
            }
        }
    }

    static func closed(_ id: SandboxID) -> Failure {
        Failure(.sandboxClosed, "Sandbox \(id) was closed. Make a new one.")
    }

    /// The most that may wait for it, calls and bytes of one reply.
    var limits: (calls: Int, replyBytes: Int) {
        (host.configuration.maximumQueuedCalls, host.configuration.maximumReplyBytes)
    }

    /// Called once, after the host has taken it into its books.
    func begin() {
        jail.whenEnded { [weak self] end in
            guard let self else { return }
            self.fail(end.failure(self.jail.limits))
        }
    }

    // MARK: - Ends

    /// Ends it for `failure`, which the waiting calls and all later ones get. Only the first failure counts.
    func fail(_ failure: Failure) {
        let calls: [Call]? = state.withLock { state in
            switch state.phase {
            case .failed, .closed: return nil
            case .running, .ending: state.phase = .failed(failure)
            }
            return takeCalls(&state)
        }
        guard let calls else { return }
        host.kill(jail)
        unwatch()
        // The owner hears of it before the callers do: what they do next finds it informed.
        onEnd?(failure)
        for call in calls { call.continuation.resume(returning: .failure(failure)) }
    }

    /// The connection is of no use any more; why will be known when the jail has been reaped.
    func lose() {
        let isRunning = state.withLock { state in
            guard case .running = state.phase else { return false }
            state.phase = .ending
            return true
        }
        guard isRunning else { return }
        unwatch()
        host.kill(jail)
    }

    /// Ends it and waits until nothing is left: no process, socket or descriptor. May be called again.
    package func close() async {
        let calls = state.withLock { state in
            state.phase = .closed
            return takeCalls(&state)
        }
        for call in calls { call.continuation.resume(returning: .failure(Self.closed(id))) }
        host.kill(jail)
        await release()
        await jail.ended()
        host.forget(id, self)
    }

    private func takeCalls(_ state: inout State) -> [Call] {
        state.timer?.handle.cancel()
        state.timer = nil
        state.unsent = []
        state.input = []
        return state.calls.removeAll()
    }
}
