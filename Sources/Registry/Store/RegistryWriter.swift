import Dispatch

/// The one thread that writes, and the queue in front of it.
///
/// Transactions that arrive while a group is being written form the next group, so the disk is asked to flush once for all
/// of them: the busier the registry, the larger the groups. Nobody waits for a group to fill.
///
/// `@unchecked` because of ``store``: only blocks on ``queue``, which is serial, touch it, and
/// whoever opened its content keeps none of it.
final class RegistryWriter: @unchecked Sendable {
    /// A transaction that waits. `run` changes the group and says whom to tell; that is told after the group is on disk.
    struct Job: Sendable {
        let run: @Sendable (RegistryTransaction) -> Outcome
    }

    enum Outcome {
        /// Keep what the transaction changed, then tell.
        case keep(tell: (RegistryError?) -> Void)
        /// Keep nothing of it.
        case discard(tell: (RegistryError?) -> Void)
    }

    /// What belongs to the writing thread.
    private struct Store {
        let database: Database
        let ledger: RequestLedger
        var counters: Counters
    }

    private struct Pending {
        var jobs: [Job] = []
        var isClosed = false
        /// Whether a block on the queue will look at ``jobs``.
        var isScheduled = false
    }

    /// Transactions that go to the disk together at most: what one group may hold in memory.
    private static let groupLimit = 1024

    private let queue = DispatchQueue(label: "rock.registry.writer", qos: .userInitiated)
    private let pending = Guarded(Pending())
    private let capacity: Int
    private let memory: RegistryMemory
    private let configuration: SandboxRegistry.Configuration
    private var store: Store?

    init(
        database: Database, ledger: RequestLedger, counters: Counters, memory: RegistryMemory,
        configuration: SandboxRegistry.Configuration
    ) {
        store = Store(database: database, ledger: ledger, counters: counters)
        self.memory = memory
        self.configuration = configuration
        capacity = configuration.queueLimit
    }

    /// Queues `job`.
    ///
    /// - Throws: ``RegistryError`` with code `overloaded` where as many wait as may, `closed` behind ``close()``.
    func submit(_ job: Job) throws(RegistryError) {
        if configuration.isReadOnly {
            throw RegistryError(.readOnly, "\(configuration.path) was opened for reading only; nothing can be changed")
        }
        let refusal: RegistryError? = pending.withLock { pending in
            if pending.isClosed { return Self.closed }
            guard pending.jobs.count < capacity else {
                return RegistryError(
                    .overloaded, "\(capacity) changes wait to be written; try again in a second")
            }
            pending.jobs.append(job)
            if !pending.isScheduled {
                pending.isScheduled = true
                queue.async { self.writeGroup() }
            }
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Runs `body` on the writing thread, between two groups.
    ///
    /// - Throws: ``RegistryError`` with code `closed` behind ``close()``, and what `body` throws.
    func withDatabase<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws(RegistryError) -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                guard let store = self.store else { return continuation.resume(throwing: Self.closed) }
                do throws(RegistryError) {
                    continuation.resume(returning: try body(store.database))
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    /// Writes what waits, moves everything into the main file and closes it; later calls throw.
    func close() async {
        pending.withLock { $0.isClosed = true }
        await withCheckedContinuation { continuation in
            queue.async {
                // A group that was scheduled earlier has run; what came after it is still to be written.
                while self.pending.withLock({ !$0.jobs.isEmpty }) { self.writeGroup() }
                if let store = self.store {
                    // Without it the next start reads the log instead.
                    try? store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    self.store = nil
                }
                continuation.resume()
            }
        }
    }

    private static let closed = RegistryError(.closed, "the registry is closed")

    // MARK: On the queue

    /// Writes one group and schedules the next, so that readers of the file get their turn in between.
    private func writeGroup() {
        let jobs = pending.withLock { pending in
            let jobs = Array(pending.jobs.prefix(Self.groupLimit))
            pending.jobs.removeFirst(jobs.count)
            pending.isScheduled = !pending.jobs.isEmpty && !pending.isClosed
            if pending.isScheduled { queue.async { self.writeGroup() } }
            return jobs
        }
        guard !jobs.isEmpty, let store else { return }
        let group = TransactionGroup(
            memory: memory, ledger: store.ledger, counters: store.counters, times: configuration.times)
        let time = configuration.clock()
        var tells: [(RegistryError?) -> Void] = []
        tells.reserveCapacity(jobs.count)
        for job in jobs {
            let transaction = RegistryTransaction(group: group, time: time)
            switch job.run(transaction) {
            case .keep(let tell):
                group.absorb(transaction)
                tells.append(tell)
            case .discard(let tell): tells.append(tell)
            }
        }
        let failure = write(group, at: time)
        for tell in tells { tell(failure) }
    }

    /// Writes `group`, and shows it to readers once it is on disk.
    /// - Returns: Why not.
    private func write(_ group: TransactionGroup, at time: Timestamp) -> RegistryError? {
        guard !group.set.isEmpty, let store else { return nil }
        group.forget(store.ledger.expire(at: time))
        let set = group.set
        do throws(RegistryError) {
            try store.database.transaction { () throws(RegistryError) in
                try store.database.write(set)
                if !set.removed.isEmpty || set.billingEnd != nil { try store.database.write(group.counters) }
            }
        } catch {
            return error
        }
        self.store?.counters = group.counters
        for (key, change) in set.requests { store.ledger.apply(key, change) }
        memory.apply(set)
        for entry in set.billing { configuration.onBilling(entry) }
        return nil
    }
}
