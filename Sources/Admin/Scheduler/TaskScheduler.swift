import GEM
import Registry
import Synchronization
import Transport
import Upkeep

// Work that keeps machines healthy, done again and again.
//
//   TaskScheduler.swift            what runs, who is told to run it, and what is known of it
//   TaskScheduler+Running.swift    the rhythm of one task, and one visit to all workers
//   TaskScheduler+Leading.swift    which of several servers schedules
//   SchedulerConfiguration.swift   the section of the configuration file
//   CronExpression.swift           times of day
//   SchedulerStore.swift           runs, switches and the lease, in SQLite
//   WallClockSteps.swift           when somebody sets the clock
//
// What the tasks do is Sources/Upkeep.

/// Has workers do their tasks when they are due.
final class TaskScheduler: Sendable {
    /// Workers visited at a time in one run.
    static let visitsAtOnce = 50

    struct State {
        var switches: [String: Bool] = [:]
        var isLeading = false
        /// Runs under way, by task.
        var atWork: [String: Int] = [:]
        var nextTimes: [String: Timestamp] = [:]
        var workers: [any Worker] = []
        var workersRead: ContinuousClock.Instant?
        /// What wakes each task's rhythm to look again.
        var bells: [String: AsyncStream<Void>.Continuation] = [:]
    }

    let configuration: SchedulerConfiguration
    let zone: TimeZoneRules
    let store: SchedulerStore
    let clock: DirectoryClock
    let loop: EventLoop
    let state = Mutex(State())
    let findWorkers: @Sendable () async throws(Failure) -> [any Worker]
    let complain: @Sendable (LogLevel, String) -> Void
    /// Tells this server from others that use the same file.
    let identity: String
    private let tasks = Mutex<[Task<Void, Never>]>([])

    /// - Parameters:
    ///   - configuration: Which tasks, and when.
    ///   - zone: The zone that cron expressions are in.
    ///   - store: Where runs are written down.
    ///   - clock: For times of day.
    ///   - loop: Where steps of the machine's clock are waited for.
    ///   - identity: Tells this server from others that use the same file.
    ///   - workers: Finds the machines there are.
    ///   - complain: Told what nobody waits to hear.
    init(
        _ configuration: SchedulerConfiguration, zone: TimeZoneRules, store: SchedulerStore, clock: DirectoryClock,
        loop: EventLoop, identity: String, workers: @escaping @Sendable () async throws(Failure) -> [any Worker],
        complain: @escaping @Sendable (LogLevel, String) -> Void
    ) {
        self.configuration = configuration
        self.zone = zone
        self.store = store
        self.clock = clock
        self.loop = loop
        self.identity = identity
        findWorkers = workers
        self.complain = complain
    }

    /// Begins to schedule.
    func begin() async throws(Failure) {
        let switches = try await store.switches()
        state.withLock { $0.switches = switches }
        for entry in configuration.entries {
            if let fault = entry.fault { complain(.warning, "The task \(entry.name) is skipped: \(fault)") }
        }
        guard configuration.isEnabled else { return }
        if configuration.entries.isEmpty { complain(.warning, "The scheduler has no tasks.") }
        var rhythms: [Task<Void, Never>] = [Task { await self.lead() }]
        for entry in configuration.entries where entry.fault == nil {
            let (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            state.withLock { $0.bells[entry.name] = bell }
            rhythms.append(Task { await self.keepRhythm(of: entry, rings) })
        }
        rhythms.append(
            Task {
                for await _ in WallClockSteps.watch(on: self.loop) { self.ringAll() }
            })
        tasks.withLock { $0 = rhythms }
    }

    /// Ends what is at work and gives the lease back.
    func shutDown() async {
        let tasks = tasks.withLock { tasks in
            defer { tasks = [] }
            return tasks
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        if state.withLock(\.isLeading) { try? await store.release(identity) }
        store.close()
    }

    // MARK: What is known

    /// Every task there is, with its last run on each worker.
    func list() async throws(Failure) -> [TaskStatus] {
        let last = Dictionary(grouping: try await store.lastRuns(), by: \.task)
        return state.withLock { state in
            configuration.entries.map { entry in
                TaskStatus(
                    entry: entry, isEnabled: Self.isEnabled(entry, state.switches),
                    isAtWork: state.atWork[entry.name, default: 0] > 0,
                    nextTime: state.isLeading ? state.nextTimes[entry.name] : nil, last: last[entry.name] ?? [])
            }
        }
    }

    /// Whether this server is the one that schedules.
    var isLeading: Bool { state.withLock(\.isLeading) }

    /// The task called `name`, by its own name or its kind's.
    ///
    /// - Throws: ``Failure`` of kind `notFound` that names the nearest ones.
    func entry(_ name: String) throws(Failure) -> SchedulerConfiguration.Entry {
        if let entry = configuration.entries.first(where: { $0.name == name }) { return entry }
        let kinds = configuration.entries.filter { $0.kind == name }
        if kinds.count == 1 { return kinds[0] }
        let hint = Spelling.suggestion(for: name, among: configuration.entries.map(\.name))
        throw Failure(
            .notFound,
            configuration.entries.isEmpty
                ? "The server's configuration has no tasks: see scheduler: tasks."
                : "There is no task \"\(name)\".\(hint)")
    }

    // MARK: What can be asked for

    /// Switches a task on or off, for good: it outweighs the configuration file.
    func setEnabled(_ name: String, _ isEnabled: Bool) async throws(Failure) -> SchedulerConfiguration.Entry {
        let entry = try entry(name)
        if let fault = entry.fault { throw Failure(.invalidArgument, "The task \(entry.name) cannot run: \(fault)") }
        try await store.setSwitch(entry.name, isEnabled)
        state.withLock { $0.switches[entry.name] = isEnabled }
        ring(entry.name)
        return entry
    }

    /// Runs a task now, on all workers or on one, whether it is switched on or not.
    ///
    /// - Parameters:
    ///   - name: The task.
    ///   - worker: One worker's name; `nil` for all.
    /// - Returns: The runs, ended.
    /// - Throws: ``Failure`` where there is no such task or worker.
    func run(_ name: String, on worker: String?) async throws(Failure) -> [TaskRun] {
        let entry = try entry(name)
        if let fault = entry.fault { throw Failure(.invalidArgument, "The task \(entry.name) cannot run: \(fault)") }
        var workers = try await workers()
        if let worker {
            let names = workers.map(\.name)
            workers = workers.filter { $0.name == worker }
            guard !workers.isEmpty else {
                throw Failure(
                    .notFound, "There is no worker \"\(worker)\".\(Spelling.suggestion(for: worker, among: names))")
            }
        }
        return await visit(workers, entry, .request)
    }

    static func isEnabled(_ entry: SchedulerConfiguration.Entry, _ switches: [String: Bool]) -> Bool {
        entry.fault == nil && (switches[entry.name] ?? entry.isEnabled)
    }

    // MARK: Bells

    /// Has a task's rhythm look again.
    func ring(_ name: String) { state.withLock { _ = $0.bells[name]?.yield() } }

    func ringAll() { state.withLock { state in for bell in state.bells.values { bell.yield() } } }
}
