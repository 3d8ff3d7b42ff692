import CLinux
import Glibc
import Synchronization

/// One thread that waits for descriptors, timers and jobs, and runs what they wake.
///
/// A task started with `Task(executorPreference: loop)` runs on the loop's thread and comes back to it after every
/// `await`, so the work of one connection never changes threads. Jobs run first in, first out: tasks started on a loop
/// run in the order they were started, each up to its first suspension.
///
/// Nothing that runs on a loop may block: hand it to ``BlockingPool``.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    // Safety of @unchecked: `inbox` has a lock; `running`, `slots`, `timers`, `jobs` and `now` are touched
    // by the loop's thread only, which every method that does so checks with `preconditionOnLoop`.

    /// Something to run on the loop's thread.
    enum Job {
        case task(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    /// What other threads leave for the loop.
    struct Inbox {
        var jobs: [Job] = []
        /// The thread is in, or about to enter, a wait that only its event counter can end.
        var isAsleep = false
        var isStopping = false
    }

    /// How many jobs may run before descriptors and timers get their turn.
    private static let jobsPerTurn = 256
    /// How many events one wait takes: the rest is reported by the next.
    private static let eventsPerTurn = 256

    let inbox = Guarded(Inbox())
    let epoll: OwnedDescriptor
    private let wake: OwnedDescriptor
    private let name: String
    private let thread = Mutex<UInt64?>(nil)

    /// What every receive of the loop goes through, so that idle connections need no buffer of their own.
    package let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    var jobs = JobQueue()
    var slots: [Slot] = []
    var timers = TimerHeap()
    /// When the running turn began. Cheaper than asking the clock, and exact enough for time limits.
    package internal(set) var now = ContinuousClock.now

    /// Starts the thread.
    ///
    /// - Parameter name: What the thread is called in `top -H`; 15 bytes are kept.
    /// - Throws: ``SystemCallError`` when the process is out of descriptors or threads.
    package init(name: String = "loop") throws {
        self.name = name
        epoll = OwnedDescriptor(try SystemCallError.check(rock_epoll_create(), "epoll_create1"))
        wake = OwnedDescriptor(try SystemCallError.check(rock_eventfd(), "eventfd"))
        try SystemCallError.check(
            rock_epoll_add(epoll.rawValue, wake.rawValue, UInt32(truncatingIfNeeded: ROCK_EPOLL_IN), Slot.wakeToken),
            "epoll_ctl")
        let argument = Unmanaged.passRetained(self).toOpaque()
        var handle: UInt64 = 0
        let result = rock_thread_start(runEventLoop, argument, &handle)
        if result < 0 {
            Unmanaged<EventLoop>.fromOpaque(argument).release()
            throw SystemCallError("pthread_create", name, errno: -result)
        }
        thread.withLock { $0 = handle }
    }

    deinit {
        scratch.deallocate()
    }

    /// The loop whose thread is calling, if any.
    package static var current: EventLoop? {
        rock_thread_loop().map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Whether the caller runs on this loop's thread.
    package var isCurrent: Bool {
        rock_thread_loop() == Unmanaged.passUnretained(self).toOpaque()
    }

    @inline(__always)
    func preconditionOnLoop(_ function: StaticString = #function) {
        precondition(isCurrent, "\(function) must be called on its event loop; see EventLoop.execute")
    }

    // MARK: Jobs

    package func enqueue(_ job: consuming ExecutorJob) {
        submit(.task(UnownedJob(job)))
    }

    /// Runs `body` on the loop's thread, after what was submitted before. Callable from every thread.
    package func execute(_ body: @escaping @Sendable () -> Void) {
        submit(.closure(body))
    }

    @inline(__always)
    private func submit(_ job: Job) {
        if isCurrent {
            jobs.append(job)
            return
        }
        let mustWake = inbox.withLock { inbox in
            inbox.jobs.append(job)
            defer { inbox.isAsleep = false }
            return inbox.isAsleep
        }
        if mustWake { rock_eventfd_signal(wake.rawValue) }
    }

    // MARK: The thread

    fileprivate func run() {
        rock_thread_set_name(name)
        let events = UnsafeMutablePointer<rock_event>.allocate(capacity: Self.eventsPerTurn)
        defer { events.deallocate() }
        let executor = asUnownedTaskExecutor()
        while true {
            runJobs(on: executor)
            guard let timeout = timeoutOfNextWait() else { return }
            let count = rock_epoll_wait(epoll.rawValue, events, Int32(Self.eventsPerTurn), timeout)
            if timeout != 0 { inbox.withLock { $0.isAsleep = false } }
            now = ContinuousClock.now
            for event in UnsafeBufferPointer(start: events, count: max(0, Int(count))) {
                dispatch(event)
            }
            fireTimers()
        }
    }

    /// Runs jobs until none is left or the turn's share is used up.
    private func runJobs(on executor: UnownedTaskExecutor) {
        takeInbox()
        for _ in 0..<Self.jobsPerTurn {
            guard let job = jobs.popFirst() else { return }
            switch job {
            case .task(let job): job.runSynchronously(on: executor)
            case .closure(let body): body()
            }
        }
    }

    /// Fires what is due, a turn's share of it: a timer that sets itself again at once must not keep the loop.
    private func fireTimers() {
        for _ in 0..<Self.jobsPerTurn {
            guard let timer = timers.popDue(at: now) else { return }
            timer.fire()
        }
    }

    private func takeInbox() {
        var taken: [Job] = []
        inbox.withLock { swap(&$0.jobs, &taken) }
        for job in taken { jobs.append(job) }
    }

    /// Nanoseconds to wait, negative for as long as it takes; `nil` when the loop has been told to stop and is idle.
    private func timeoutOfNextWait() -> Int64? {
        let limit: Int64 = jobs.isEmpty ? timers.nanosecondsUntilFirst() : 0
        return inbox.withLock { inbox in
            if !inbox.jobs.isEmpty || !jobs.isEmpty { return 0 }
            if inbox.isStopping { return nil }
            inbox.isAsleep = limit != 0
            return limit
        }
    }

    func wakeUp() {
        rock_eventfd_drain(wake.rawValue)
    }

    /// Ends the thread once it has run every job that is ready, and waits for it. Later jobs never run, so whatever uses
    /// the loop must have ended. Calling it again does nothing.
    package func shutDown() {
        precondition(!isCurrent, "an event loop cannot wait for itself to end")
        guard let handle = thread.withLock({ $0.take() }) else { return }
        inbox.withLock { $0.isStopping = true }
        rock_eventfd_signal(wake.rawValue)
        rock_thread_join(handle)
    }
}

/// What the thread of a loop runs; the argument is the retained loop.
private func runEventLoop(_ argument: UnsafeMutableRawPointer?) {
    guard let argument else { return }
    let loop = Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue()
    rock_thread_set_loop(argument)
    loop.run()
    rock_thread_set_loop(nil)
}
