import Synchronization

extension EventLoop {
    /// Something that will run on a loop at a given time, unless cancelled.
    package final class Timer: @unchecked Sendable {
        // Safety of @unchecked: the variables are touched on the loop's thread only.
        private unowned let loop: EventLoop
        let deadline: ContinuousClock.Instant
        private var action: (@Sendable () -> Void)?
        /// Place in the heap; `nil` while not in it.
        var index: Int?
        /// Order among timers of the same deadline.
        var sequence: UInt64 = 0

        fileprivate init(
            _ loop: EventLoop, _ deadline: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void
        ) {
            self.loop = loop
            self.deadline = deadline
            self.action = action
        }

        /// Gives the timer up. Called on the loop, its action will not run; called from another thread, it may still run
        /// once if it is due.
        package func cancel() {
            guard loop.isCurrent else { return loop.execute { self.cancel() } }
            action = nil
            loop.timers.remove(self)
        }

        fileprivate func start() {
            if action != nil { loop.timers.insert(self) }
        }

        func fire() {
            action.take()?()
        }
    }

    /// Runs `action` on the loop's thread at `deadline` or as soon after it as the loop is free. Callable from every
    /// thread.
    @discardableResult
    package func schedule(at deadline: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> Timer {
        let timer = Timer(self, deadline, action)
        if isCurrent { timer.start() } else { execute { timer.start() } }
        return timer
    }

    /// Waits on the loop's own timers until `deadline`.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    package func sleep(until deadline: ContinuousClock.Instant) async throws {
        let alarm = Alarm()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let timer = schedule(at: deadline) { alarm.end(with: .success(())) }
                alarm.begin(timer, continuation)
            }
        } onCancel: {
            alarm.end(with: .failure(CancellationError()))
        }
    }
}

/// One sleeper: whichever of the timer and the cancellation comes first wakes it.
private final class Alarm: Sendable {
    private enum State {
        case idle
        case asleep(EventLoop.Timer, CheckedContinuation<Void, any Error>)
        case over(Result<Void, any Error>)
    }
    private let state = Mutex(State.idle)

    func begin(_ timer: EventLoop.Timer, _ continuation: CheckedContinuation<Void, any Error>) {
        let early: Result<Void, any Error>? = state.withLock { state in
            if case .over(let result) = state { return result }
            state = .asleep(timer, continuation)
            return nil
        }
        guard let early else { return }
        timer.cancel()
        continuation.resume(with: early)
    }

    func end(with result: Result<Void, any Error>) {
        let sleeper: (EventLoop.Timer, CheckedContinuation<Void, any Error>)? = state.withLock { state in
            defer { state = .over(result) }
            guard case .asleep(let timer, let continuation) = state else { return nil }
            return (timer, continuation)
        }
        guard let (timer, continuation) = sleeper else { return }
        timer.cancel()
        continuation.resume(with: result)
    }
}
