import CLinux
import Glibc

/// A few threads for calls that block: file trees, SQLite, name look-ups. On a loop they would stop everything else.
package final class BlockingPool: Sendable {
    /// The pool for the whole process.
    package static let shared = BlockingPool(threads: 4)

    private let queue: Queue

    /// - Parameter threads: How many calls run at once; the rest waits in line. Threads start with the first call and
    ///   stay for the life of the process.
    package init(threads: Int) {
        precondition(threads > 0, "a pool has at least one thread")
        queue = Queue(limit: threads)
    }

    /// Runs `work` on a thread of the shared pool; see ``run(_:)-swift.method``.
    package static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await shared.run(work)
    }

    /// Runs `work` on a thread of this pool and comes back to the caller's executor with its result.
    ///
    /// Cancelling the task does not interrupt `work`: a blocking call cannot be taken back.
    ///
    /// - Throws: What `work` throws; ``SystemCallError`` when not even one thread can be started.
    package func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do throws(SystemCallError) {
                try queue.submit { continuation.resume(with: Result(catching: work)) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}

/// Work in line and the threads that take it.
private final class Queue: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        /// First of `waiting` that nobody has taken: taking moves this, so a long line costs nothing to shorten.
        var next = 0
        var threads = 0
    }

    private let limit: Int
    private let state = Guarded(State())
    private let available = Semaphore()

    init(limit: Int) {
        self.limit = limit
    }

    func submit(_ work: @escaping @Sendable () -> Void) throws(SystemCallError) {
        let needsThread = state.withLock { state in
            state.waiting.append(work)
            guard state.threads < limit else { return false }
            state.threads += 1
            return true
        }
        available.signal()
        let error = needsThread ? start() : 0
        if error != 0, giveUpThread() { throw SystemCallError("pthread_create", "blocking", errno: error) }
    }

    /// Takes back what the line holds when the last thread could not be started. Other threads would still serve it.
    private func giveUpThread() -> Bool {
        state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return false }
            state.waiting.removeAll()
            state.next = 0
            return true
        }
    }

    /// Starts one thread; returns why it could not, or 0.
    private func start() -> Int32 {
        let argument = Unmanaged.passRetained(self).toOpaque()
        let result = rock_thread_start(serveQueue, argument, nil)
        if result < 0 { Unmanaged<Queue>.fromOpaque(argument).release() }
        return -result
    }

    fileprivate func serve() {
        while true {
            available.wait()
            take()?()
        }
    }

    private func take() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard state.next < state.waiting.count else { return nil }
            defer {
                state.next += 1
                if state.next == state.waiting.count || state.next == 64 {
                    state.waiting.removeFirst(state.next)
                    state.next = 0
                }
            }
            return state.waiting[state.next]
        }
    }
}

/// What a thread of a pool runs; the argument is the retained queue.
private func serveQueue(_ argument: UnsafeMutableRawPointer?) {
    guard let argument else { return }
    rock_thread_set_name("blocking")
    Unmanaged<Queue>.fromOpaque(argument).takeRetainedValue().serve()
}

/// A counting semaphore of the C library.
private final class Semaphore: @unchecked Sendable {
    // Safety of @unchecked: the C library makes its semaphores safe to use from every thread.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() {
        sem_post(semaphore)
    }

    func wait() {
        while sem_wait(semaphore) != 0 {}  // only ever EINTR
    }
}
