/// A place for one task at a time to wait on one loop, with a time limit. For the loop's thread only.
///
/// Most waits end long before their limit, so the timer is moved only when it fires, not with every wait.
final class Waiter: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    private let loop: EventLoop
    private var continuation: UnsafeContinuation<Void, any Error>?
    private var deadline: ContinuousClock.Instant?
    /// Fires at or before `deadline`.
    private var timer: EventLoop.Timer?

    init(on loop: EventLoop) {
        self.loop = loop
    }

    /// Waits for ``wake(_:)``.
    ///
    /// - Throws: What it is woken with; ``ConnectionError/timedOut`` at `deadline`.
    func wait(until deadline: ContinuousClock.Instant?) async throws {
        loop.preconditionOnLoop()
        precondition(continuation == nil, "two tasks wait for the same thing")
        try await withUnsafeThrowingContinuation { continuation in
            self.continuation = continuation
            self.deadline = deadline
            armTimer()
        }
    }

    func wake(_ result: Result<Void, any Error> = .success(())) {
        deadline = nil
        continuation.take()?.resume(with: result)
    }

    /// Wakes for the last time.
    func end(_ error: any Error) {
        timer?.cancel()
        timer = nil
        wake(.failure(error))
    }

    private func armTimer() {
        guard let deadline else { return }
        if let timer {
            if timer.deadline <= deadline { return }
            timer.cancel()
        }
        timer = loop.schedule(at: deadline) { [weak self] in self?.timerFired() }
    }

    private func timerFired() {
        timer = nil
        guard let deadline else { return }
        if deadline <= loop.now { wake(.failure(ConnectionError.timedOut)) } else { armTimer() }
    }
}
