import Dispatch
package import Registry
import Synchronization

/// Takes the calls of recorded environments and writes episodes, on one thread of its own.
///
/// Whoever plays never waits: a call is put into a queue as it is, and where there is no room, or the file cannot be written, it
/// is left out, and with it the rest of its episode. Calls of a tenth of a second are written in one transaction.
///
/// `@unchecked` because of ``store``, ``recordings`` and ``unended``: only blocks on ``queue``, which is serial, touch them.
package final class EpisodeWriter: @unchecked Sendable {
    package struct Configuration: Sendable {
        package var path: String
        package var retention = EpisodeRetention()
        /// What may wait to be written, in bytes and in calls.
        package var queueBytes = 64 << 20
        package var queueCalls = 100_000
        /// How long a call waits for others at most.
        package var groupTime = Duration.milliseconds(100)
        /// So many calls do not wait for others.
        package var groupCalls = 1000
        /// How long recording stops where the file cannot be written.
        package var pause = Duration.seconds(5)
        package var clock: @Sendable () -> Timestamp = Timestamp.now

        package init(path: String) { self.path = path }
    }

    /// What became of recording, told when it changes.
    package enum Notice: Equatable, Sendable {
        case stopped(reason: String)
        case goesOn
    }

    private struct Pending {
        var calls: [(Recording, RecordedCall)] = []
        var bytes = 0
        var isClosed = false
        /// Nothing is taken until then: the file could not be written.
        var stoppedUntil: ContinuousClock.Instant?
        var isScheduled = false
        var isUrgent = false

        mutating func append(_ call: RecordedCall, of recording: Recording) {
            calls.append((recording, call))
            bytes += call.cost
        }
    }

    private let configuration: Configuration
    private let tell: @Sendable (Notice) -> Void
    private let queue = DispatchQueue(label: "rock.episodes", qos: .utility)
    private let pending = Mutex(Pending())

    private let episodeCount = Atomic<Int>(0)
    private let stepCount = Atomic<Int>(0)
    private let lostCount = Atomic<Int>(0)

    private var store: EpisodeStore?
    /// Episodes of which nobody could write that their records end.
    private var unended: Set<RecordedEpisode.ID> = []
    private var isStopped = false
    private var sinceRetention = 0
    private var lastRetention: Timestamp?

    /// - Parameters:
    ///   - configuration: Where to write, and how much.
    ///   - tell: Hears when recording stops and when it goes on.
    package init(_ configuration: Configuration, tell: @escaping @Sendable (Notice) -> Void) {
        self.configuration = configuration
        self.tell = tell
    }

    /// How many episodes and steps were written, and how many calls were not.
    package var counts: (episodes: Int, steps: Int, lost: Int) {
        (
            episodeCount.load(ordering: .relaxed), stepCount.load(ordering: .relaxed),
            lostCount.load(ordering: .relaxed)
        )
    }

    /// Ends the records that a killed server left running. Only to be called where there is a file.
    package func recover() { queue.async { self.write([]) } }

    /// Whether a call would be taken, and the queue is not half full.
    package var hasRoom: Bool {
        pending.withLock { pending in
            isOpen(&pending) && pending.bytes < configuration.queueBytes / 2
                && pending.calls.count < configuration.queueCalls / 2
        }
    }

    /// Queues one call; never waits.
    ///
    /// A recording of which a call was not taken ``Recording/isLost``.
    /// - Returns: Whether it was taken.
    @discardableResult
    package func submit(_ call: RecordedCall, of recording: Recording) -> Bool {
        enum Next { case nothing, soon, now }
        let (isTaken, next): (Bool, Next) = pending.withLock { pending in
            guard isOpen(&pending), call.isMark || hasRoom(for: call, pending) else {
                recording.hasGap = true
                return (false, .nothing)
            }
            // What went by is owned up to before anything else is written.
            if recording.hasGap { pending.append(RecordedCall(.lost, at: call.time), of: recording) }
            recording.hasGap = false
            pending.append(call, of: recording)
            if !pending.isUrgent, pending.calls.count >= configuration.groupCalls {
                pending.isUrgent = true
                return (true, .now)
            }
            if !pending.isScheduled {
                pending.isScheduled = true
                return (true, .soon)
            }
            return (true, .nothing)
        }
        if !isTaken {
            recording.isLost = true
            lostCount.wrappingAdd(1, ordering: .relaxed)
        }
        switch next {
        case .nothing: break
        case .soon:
            let time = DispatchTime.now() + .nanoseconds(Int(configuration.groupTime / .nanoseconds(1)))
            queue.asyncAfter(deadline: time) { self.writeGroup() }
        case .now: queue.async { self.writeGroup() }
        }
        return isTaken
    }

    /// Returns when everything that was submitted before has been written, or has been given up.
    package func flush() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.writeGroup()
                continuation.resume()
            }
        }
    }

    /// Writes what waits and closes the file. Later calls are not taken.
    ///
    /// Whoever plays has handed over that its environment was closed; other records that run have holes.
    package func close() async {
        pending.withLock { $0.isClosed = true }
        await withCheckedContinuation { continuation in
            queue.async {
                self.writeGroup()
                if let store = self.store {
                    // Otherwise the next server does it.
                    try? store.transaction { () throws(RegistryError) in
                        try self.endLost(store)
                        try store.endRunning(as: .cut)
                    }
                }
                self.store = nil
                continuation.resume()
            }
        }
    }

    private func hasRoom(for call: RecordedCall, _ pending: Pending) -> Bool {
        pending.bytes + call.cost <= configuration.queueBytes && pending.calls.count < configuration.queueCalls
    }

    private func isOpen(_ pending: inout Pending) -> Bool {
        if pending.isClosed { return false }
        guard let time = pending.stoppedUntil else { return true }
        guard time <= .now else { return false }
        pending.stoppedUntil = nil
        return true
    }

    // MARK: - On the queue

    private func writeGroup() {
        let calls = pending.withLock { pending in
            defer { (pending.calls, pending.bytes) = ([], 0) }
            (pending.isScheduled, pending.isUrgent) = (false, false)
            return pending.calls
        }
        if !calls.isEmpty { write(calls) }
    }

    private func write(_ calls: [(Recording, RecordedCall)]) {
        var counts = EpisodeTracker.Counts()
        var touched: [ObjectIdentifier: Recording] = [:]
        for (recording, _) in calls { touched[ObjectIdentifier(recording)] = recording }
        let running = touched.values.flatMap(\.tracker.running)
        do throws(RegistryError) {
            let store = try openStore()
            try store.transaction { () throws(RegistryError) in
                try endLost(store)
                for (recording, call) in calls {
                    guard try !recording.tracker.take(call, store, &counts) else { continue }
                    recording.isLost = true
                    _ = try recording.tracker.take(RecordedCall(.lost, at: call.time), store, &counts)
                }
                let now = configuration.clock()
                for recording in touched.values { try recording.tracker.note(store, at: now) }
            }
            unended = []
            episodeCount.wrappingAdd(counts.episodes, ordering: .relaxed)
            stepCount.wrappingAdd(counts.steps, ordering: .relaxed)
            // What is too much is still too much a minute later, when it is tried again.
            try? keepWithinLimits(store, written: counts.episodes)
            if isStopped {
                isStopped = false
                tell(.goesOn)
            }
        } catch {
            unended.formUnion(running)
            for recording in touched.values {
                recording.isLost = true
                recording.tracker.forget()
            }
            stop(for: error, losing: calls.count)
        }
    }

    /// Nothing of the last group is in the file, and nobody knows any more what its streams go on from.
    private func stop(for error: RegistryError, losing calls: Int) {
        pending.withLock { $0.stoppedUntil = .now + configuration.pause }
        lostCount.wrappingAdd(calls, ordering: .relaxed)
        if !isStopped { tell(.stopped(reason: error.message)) }
        isStopped = true
        // Closed, so that a file that was replaced or removed is opened anew.
        store = nil
    }

    private func openStore() throws(RegistryError) -> EpisodeStore {
        if let store { return store }
        let new = try EpisodeStore(path: configuration.path, access: .readWrite)
        if lastRetention == nil {
            // Whoever played these is gone.
            try new.transaction { () throws(RegistryError) in try new.endRunning(as: .cut) }
        }
        store = new
        return new
    }

    private func endLost(_ store: EpisodeStore) throws(RegistryError) {
        for id in unended { try store.endRunning(id, as: .cut) }
    }

    /// Looks after the limits at the first write, then every thousand episodes and every minute in which something is written.
    private func keepWithinLimits(_ store: EpisodeStore, written: Int) throws(RegistryError) {
        let now = configuration.clock()
        sinceRetention += written
        if let lastRetention, sinceRetention < 1000, now.seconds(since: lastRetention) < 60 { return }
        lastRetention = now
        sinceRetention = 0
        if !configuration.retention.isUnlimited { try store.apply(configuration.retention, at: now) }
    }
}
