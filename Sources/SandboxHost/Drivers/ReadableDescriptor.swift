import Glibc
import Synchronization
import Transport

/// A descriptor that somebody waits for: a process that is to end, a folder in which something is to happen. One waiter
/// at a time; ``close()`` when it is needed no more.
final class ReadableDescriptor: ReadinessHandler, Sendable {
    private struct State {
        var isWatched = false
        var isReady = false
        var isClosed = false
        var waiter: CheckedContinuation<Void, any Error>?
    }

    private let descriptor: OwnedDescriptor
    private let loop: EventLoop
    private let state = Mutex(State())

    /// The number the kernel knows it by; valid as long as this object lives.
    var rawValue: Int32 { descriptor.rawValue }

    init(_ descriptor: consuming OwnedDescriptor, on loop: EventLoop) {
        self.descriptor = descriptor
        self.loop = loop
    }

    /// Returns when something can be read, or has become so since the last call.
    ///
    /// - Throws: `CancellationError` when the task is cancelled or ``close()`` is called; ``SystemCallError`` when the
    ///   descriptor cannot be watched.
    func wait() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                loop.execute { self.begin(continuation) }
            }
        } onCancel: {
            end(.failure(CancellationError()))
        }
        try Task.checkCancellation()
    }

    /// Stops watching; whoever waits is told.
    func close() {
        state.withLock { $0.isClosed = true }
        end(.failure(CancellationError()))
        // The loop keeps this object, and with it the descriptor, until then.
        loop.execute { self.loop.unwatch(self.rawValue) }
    }

    private func begin(_ continuation: CheckedContinuation<Void, any Error>) {
        let early: Result<Void, any Error>? = state.withLock { state in
            if state.isClosed { return .failure(CancellationError()) }
            if !state.isWatched {
                do {
                    try loop.watch(rawValue, for: [.readable, .edgeTriggered], handler: self)
                    state.isWatched = true
                } catch {
                    return .failure(error)
                }
            }
            if state.isReady {
                state.isReady = false
                return .success(())
            }
            precondition(state.waiter == nil, "one waiter at a time")
            state.waiter = continuation
            return nil
        }
        if let early { continuation.resume(with: early) }
    }

    private func end(_ result: Result<Void, any Error>) {
        state.withLock { $0.waiter.take() }?.resume(with: result)
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
            guard let waiter = state.waiter.take() else {
                state.isReady = true
                return nil
            }
            return waiter
        }
        waiter?.resume()
    }
}
