import GEM
import Registry
import SandboxHost
import Synchronization

// The life of sandboxes with a root filesystem.
//
//   SandboxDirectory.swift              what is kept in memory beside the registry, and how it begins and ends
//   SandboxDirectory+Starting.swift     start: admission, the row, the driver, the phases
//   SandboxDirectory+Fetching.swift     a start that waits for its image, and holds up nobody
//   SandboxDirectory+Ending.swift       stop, restart, delete, archive; sandboxes that end by themselves
//   SandboxDirectory+Reading.swift      status, batch, list, counts, history
//   SandboxDirectory+Waiting.swift      waiting for a state, following changes
//   SandboxDirectory+Calls.swift        the way to the agent inside; execute that may be sent twice
//   SandboxDirectory+Images.swift       commit, warm-up
//   SandboxDirectory+Reconciling.swift  after a restart: rows against what really runs
//   SandboxDirectory+Timers.swift       what happens by itself at a time
//   SandboxStart.swift, SandboxPlan.swift   a start as asked for, and as checked
//   StartQueue.swift                    whose start is next

/// Every sandbox with a root filesystem that this server knows: the registry's rows, and the machine's living sandboxes.
///
/// A row is on disk before a client hears of what it says. Where row and machine disagree, which takes a crash, the machine is
/// right about what runs and the row about what should.
final class SandboxDirectory: Sendable {
    /// How far one sandbox's life in this process is; a sandbox that has ended has none.
    enum Life {
        /// In the line, its row written.
        case waiting(SandboxPlan, Mode)
        case starting(Task<Void, Never>)
        case running
        /// Being ended; the task ends when nothing more happens to it.
        case ending(Task<Result<Void, Failure>, Never>)
    }

    /// Whether a start makes new files or finds those of before.
    enum Mode { case first, again }

    struct State {
        var lives: [String: Life] = [:]
        var queue: StartQueue
        /// Starts that were paused and wait for their turn to go on.
        var paused: [String: CheckedContinuation<Void, Never>] = [:]
        var isClosing = false
        /// How `get_status` finds out.
        var statusSource: ServerConfiguration.StatusSource
        /// Sandboxes without a row, which go with this server: those of external environments.
        var guests: Set<SandboxID> = []
        /// Ends that the disk refused to take, to be tried again.
        var unwritten: [String: (event: SandboxEvent, reason: String)] = [:]
        /// Ends of sandboxes whose start was not counted as over yet.
        var earlyEnds: [String: Machine.Ended] = [:]
        /// Why the sandboxes of a driver could not be found after a restart.
        var unadopted: [String: Failure] = [:]
        /// The last sample of each sandbox's processor time, for percentages.
        var samples: [String: StatisticsSample] = [:]
        /// When deleted sandboxes were last forgotten.
        var lastForgetting: Timestamp?
        /// What became of each sandbox's latest commit.
        var commits = CommitBook()
        /// What takes back the lease of a sandbox that hangs on a connection.
        var leases: [String: @Sendable () -> Void] = [:]
    }

    let configuration: ServerConfiguration.Runtime
    let machine: Machine
    let clock: DirectoryClock
    let state: Mutex<State>
    let alarm: Alarm
    private let store: Result<SandboxRegistry, Failure>
    let seal: AESGCM?
    /// Told of what went wrong where no client waits for an answer.
    let complain: @Sendable (String) -> Void
    /// Repeats of `execute` that come while the first is under way.
    let executions = RememberedAnswers(capacity: 0)
    private let tasks = Mutex<[Task<Void, Never>]>([])

    /// - Parameters:
    ///   - store: The registry, or why there is none; then every call says that.
    ///   - machine: Where sandboxes run.
    ///   - configuration: What one may have, and how many there may be.
    ///   - clock: For timers; its time must be the registry's.
    ///   - complain: Told of what went wrong where no client waits for an answer, one sentence each.
    init(
        store: Result<SandboxRegistry, Failure>, machine: Machine, configuration: ServerConfiguration.Runtime,
        clock: DirectoryClock, complain: @escaping @Sendable (String) -> Void
    ) {
        self.complain = complain
        self.store = store
        self.machine = machine
        self.configuration = configuration
        self.clock = clock
        var limits = StartQueue.Limits()
        limits.concurrent = configuration.concurrentStarts
        limits.waiting = configuration.waitingStarts
        limits.sandboxes = configuration.maximum
        limits.cpus = configuration.totalCPUs
        limits.memoryBytes = configuration.totalMemoryBytes
        state = Mutex(State(queue: StartQueue(limits), statusSource: configuration.statusSource))
        alarm = Alarm(clock: clock)
        seal = AESGCM(key: configuration.encryptionKey ?? AESGCM.randomKey())
    }

    /// The registry.
    ///
    /// - Throws: ``Failure`` that says why it cannot be used.
    func registry() throws(Failure) -> SandboxRegistry { try store.get() }

    /// How times are written.
    var times: TimeFormat { (try? store.get())?.times ?? TimeFormat(zone: configuration.timeZone) }

    /// Brings rows and machine together and begins to serve. Sandboxes that a predecessor left are running again, as far as
    /// calls are concerned, when it returns.
    func begin() async {
        guard (try? registry()) != nil else { return }
        await reconcile()
        await forgetDeleted()
        let ends = Task { [weak self, ends = machine.ends] in
            for await ended in ends { self?.noteEnd(ended) }
        }
        let timers = Task { [weak self, rings = alarm.rings] in
            for await _ in rings { await self?.handleDeadlines() }
        }
        tasks.withLock { $0 += [ends, timers] }
        armAlarm()
    }

    /// Refuses new starts and gives up those under way; running sandboxes stay.
    func shutDown() async {
        let lives = state.withLock { state in
            state.isClosing = true
            return state.lives
        }
        alarm.finish()
        await withDiscardingTaskGroup { group in
            for (id, life) in lives {
                switch life {
                case .waiting, .starting:
                    group.addTask {
                        await self.abandon(
                            id, by: .startFailed, reason: "The server was shut down while it was starting.")
                    }
                case .ending(let task): group.addTask { _ = await task.value }
                case .running: break
                }
            }
        }
        for task in tasks.withLock({ $0 }) { task.cancel() }
        await machine.shutDown()
    }

    // MARK: Who may see what

    /// The record of `id`, if there is one for `caller`.
    ///
    /// - Throws: ``Failure`` of kind `unknownSandbox`.
    func record(_ id: String, for caller: SandboxCaller) throws(Failure) -> SandboxRecord {
        guard let record = try registry().record(id), caller.sees(record.namespace) else {
            throw Failure(.unknownSandbox, "Sandbox \(id.prefix(80)) not found.")
        }
        return record
    }

    /// The settings that can be changed while the server runs.
    var statusSource: ServerConfiguration.StatusSource {
        get { state.withLock(\.statusSource) }
        set { state.withLock { $0.statusSource = newValue } }
    }
}
