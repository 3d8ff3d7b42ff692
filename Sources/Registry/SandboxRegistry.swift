/// Everything that is known of every sandbox, of keys, requests and bills: in memory to read, on disk before anyone hears of it.
///
/// Reading never touches the disk and never waits for a writer. Writing returns once the change would survive a power cut.
/// When the disk refuses, the change is undone and its writer told why; everything can still be read.
package final class SandboxRegistry: Sendable {
    /// How a registry is kept.
    package struct Configuration: Sendable {
        /// The file. Beside it are its log (`-wal`), the log's index (`-shm`) and a lock (`-lock`).
        package var path: String
        /// Whether the file is only read: every write is refused, and no other process is kept away. For a disk that refuses.
        package var isReadOnly = false
        /// The zone that times are written in.
        package var times = TimeFormat(zone: .shanghai)
        /// Changes that may wait to be written; more are refused.
        package var queueLimit = 16_384
        /// Changes remembered for those who follow them.
        package var feedLimit = 8192
        package var requests = RequestLimits()
        package var clock: @Sendable () -> Timestamp = Timestamp.now
        /// Told of each billing entry once it is on disk; it runs on the writing thread and must not wait.
        package var onBilling: @Sendable (BillingEntry) -> Void = { _ in }
        /// Told how long each transaction took, from handing it over until it was on disk; as ``onBilling``.
        package var onWrite: @Sendable (Duration) -> Void = { _ in }

        package init(path: String) { self.path = path }
    }

    /// How far the written idle limit of a sandbox may lag behind its uses.
    package static let touchPrecisionSeconds: Int64 = 30

    private let configuration: Configuration
    let memory: RegistryMemory
    let writer: RegistryWriter
    /// Sandboxes whose idle limit is to be written, while a transaction that will do it is queued.
    private let touched = Guarded<Set<String>>([])
    private let lock: Guarded<FileLock?>

    /// Where the file is.
    package var path: String { configuration.path }

    /// The registry's clock.
    package var now: Timestamp { configuration.clock() }

    /// Whether nothing can be changed.
    package var isReadOnly: Bool { configuration.isReadOnly }

    /// How times are written in answers.
    package var times: TimeFormat { configuration.times }

    /// Opens the file, brings its schema up to date, checks it and reads it into memory. It takes a second per 100,000
    /// sandboxes or so and blocks: call it before serving.
    ///
    /// - Throws: ``RegistryError``: `inUse` with the owner's process id, `newerSchema`, `notARegistry`, `corrupt`, `readOnly`,
    ///   `diskFull` or `ioFailed`, each with the path and what to do.
    package init(_ configuration: Configuration) throws(RegistryError) {
        let lock = configuration.isReadOnly ? nil : try FileLock(path: configuration.path + "-lock")
        let database = try Database(
            path: configuration.path, access: configuration.isReadOnly ? .readOnly : .readWrite)
        let version = try database.checkedVersion()
        if version > 0 { try database.checkIntegrity() }
        if configuration.isReadOnly {
            guard version == Schema.migrations.count else {
                throw RegistryError(
                    .readOnly,
                    "\(configuration.path) has schema \(version) and must be written once to be brought up to date")
            }
        } else {
            try database.tune()
            try database.migrate()
        }

        var table = SandboxTable()
        try database.readSandboxes { record in table.append(record) }
        table.grantGrace(until: configuration.clock().advanced(bySeconds: Self.touchPrecisionSeconds))
        let ledger = RequestLedger(limits: configuration.requests)
        try database.readRequests(into: ledger)
        let counters = try database.readCounters()
        let feed = ChangeFeed(latest: counters.sequence, capacity: configuration.feedLimit)
        memory = RegistryMemory(sandboxes: table, keys: try database.readKeys(), feed: feed)
        writer = RegistryWriter(
            database: database, ledger: ledger, counters: counters, memory: memory, configuration: configuration)
        self.configuration = configuration
        self.lock = Guarded(lock)
    }

    /// Writes what waits, ends every following of changes and closes the file. Reading from memory goes on.
    package func close() async {
        await writer.close()
        memory.feed.close()
        lock.withLock { $0 = nil }
    }

    // MARK: Writing

    /// Runs `body` as one transaction and returns its result once the change is on disk.
    ///
    /// Cancelling the task does not take the change back.
    /// - Parameter body: Runs once, on the writing thread: it must not wait for anything.
    /// - Returns: What `body` returned.
    /// - Throws: What `body` throws, after which nothing has changed; ``RegistryError`` with code `overloaded`, `closed` or what
    ///   the disk says, after which nothing has changed either.
    @discardableResult
    package func write<Result: Sendable>(
        _ body: @escaping @Sendable (RegistryTransaction) throws -> Result
    ) async throws -> Result {
        let (start, onWrite) = (ContinuousClock.now, configuration.onWrite)
        return try await withCheckedThrowingContinuation { continuation in
            let job = RegistryWriter.Job { transaction in
                do {
                    let result = try body(transaction)
                    return .keep { failure in
                        if let failure {
                            continuation.resume(throwing: failure)
                        } else {
                            onWrite(.now - start)
                            continuation.resume(returning: result)
                        }
                    }
                } catch {
                    // It may have seen what the disk then refused: that is the better answer.
                    return .discard { failure in continuation.resume(throwing: failure ?? error) }
                }
            }
            do throws(RegistryError) {
                try writer.submit(job)
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Has `body` run as a transaction, after all that were handed over before, without anyone waiting for it. For what may be
    /// lost without harm, such as how far a start has come; that it could not be written is told to nobody.
    package func post(_ body: @escaping @Sendable (RegistryTransaction) throws -> Void) {
        let job = RegistryWriter.Job { transaction in
            do {
                try body(transaction)
                return .keep { _ in }
            } catch {
                return .discard { _ in }
            }
        }
        // Overloaded or closed: nobody would be told anyway.
        try? writer.submit(job)
    }

    /// Notes that a sandbox was used: its idle limit begins anew.
    ///
    /// Memory knows at once; the disk within ``touchPrecisionSeconds`` of the limit's length, and without anyone waiting.
    package func touch(_ id: String) {
        guard memory.touch(id, at: configuration.clock()) else { return }
        let isFirst = touched.withLock { touched in
            defer { touched.insert(id) }
            return touched.isEmpty
        }
        guard isFirst else { return }
        let job = RegistryWriter.Job { transaction in
            for id in self.takeTouched() {
                guard let limit = self.memory.record(id)?.autoStopTime else { continue }
                transaction.extend(id, until: limit)
            }
            return .keep { _ in }
        }
        do throws(RegistryError) {
            try writer.submit(job)
        } catch {
            // Overloaded or closed: a later use tries again.
            _ = takeTouched()
        }
    }

    private func takeTouched() -> Set<String> {
        touched.withLock { touched in
            defer { touched = [] }
            return touched
        }
    }

    // MARK: Reading sandboxes

    /// The sandbox called `id`; `nil` where there is none.
    package func record(_ id: String) -> SandboxRecord? { memory.record(id) }

    /// The sandboxes among `ids` that there are, in the order asked for.
    package func records(_ ids: [String]) -> [SandboxRecord] {
        memory.withTable { table in ids.compactMap { id in table.slot(of: id).flatMap { table.record(at: $0) } } }
    }

    /// One page of the sandboxes that `query` describes, in the order of creation.
    ///
    /// - Throws: ``RegistryError`` with code `invalidArgument`.
    package func list(_ query: SandboxQuery) throws(RegistryError) -> SandboxPage {
        try query.check()
        let times = configuration.times
        return memory.withTable { $0.page(query, times: times) }
    }

    /// How many sandboxes are in each state.
    package func counts() -> [SandboxState: Int] {
        memory.withTable { table in
            Dictionary(
                uniqueKeysWithValues: SandboxState.allCases.map { state in
                    let bit = SandboxTable.bit(state)
                    return (state, table.states.reduce(0) { $0 + ($1 == bit ? 1 : 0) })
                })
        }
    }

    /// How many sandboxes of each driver are in each state; only those that there are.
    package func countsByDriver() -> [(state: SandboxState, driver: String, count: Int)] {
        memory.withTable { table in
            let drivers = table.column(.driver)
            var counts: [UInt8: [UInt32: Int]] = [:]
            for slot in 0..<table.slotCount where table.states[slot] != 0 {
                counts[table.states[slot], default: [:]][drivers.codes[slot], default: 0] += 1
            }
            return SandboxState.allCases.flatMap { state in
                (counts[SandboxTable.bit(state)] ?? [:]).map { (state, drivers.text(of: $0.key), $0.value) }
                    .sorted { $0.1 < $1.1 }
            }
        }
    }

    /// The earliest moment at which a timer of some sandbox ends.
    package func nextDeadline() -> Timestamp? {
        memory.withTable { table in
            table.deadlines.min().flatMap { $0 == .max ? nil : Timestamp(microseconds: $0) }
        }
    }

    /// The sandboxes whose timer has ended by `time`, at most `limit` of them; ``SandboxRecord/deadlineEvent`` says what is to be
    /// done.
    package func due(at time: Timestamp, limit: Int = 1000) -> [SandboxRecord] {
        memory.withTable { table in
            let slots = table.deadlines.indices.lazy.filter { table.deadlines[$0] <= time.microseconds }.prefix(limit)
            return slots.compactMap { table.record(at: $0) }
        }
    }

    /// The sequence number of the latest change.
    package var latestChange: Int64 { memory.feed.latest }

    /// The changes behind `sequence` as they happen.
    ///
    /// - Parameters:
    ///   - sequence: What the reader has seen: ``latestChange`` or a notice's or record's number.
    ///   - id: Only this sandbox's changes; `nil` is all.
    /// - Returns: A sequence that ends when the reading task is cancelled or the registry closed.
    package func changes(since sequence: Int64, of id: String? = nil) -> SandboxChanges {
        SandboxChanges(feed: memory.feed, sequence: sequence, id: id)
    }

    // MARK: Reading what only the file has

    /// All moves of a sandbox, oldest first.
    ///
    /// - Throws: ``RegistryError`` with code `notFound`.
    package func history(of id: String) async throws -> [SandboxTransition] {
        let serial = try serial(of: id)
        return try await writer.withDatabase { database throws(RegistryError) in try database.moves(of: serial) }
    }

    /// What was kept with a sandbox for its restarts.
    ///
    /// - Throws: ``RegistryError`` with code `notFound`.
    package func blueprint(of id: String) async throws -> [UInt8]? {
        let serial = try serial(of: id)
        return try await writer.withDatabase { database throws(RegistryError) in try database.blueprint(of: serial) }
    }

    private func serial(of id: String) throws(RegistryError) -> Int64 {
        guard let record = record(id) else { throw RegistryError(.notFound, "Sandbox \(id) not found") }
        return record.serial
    }

    /// The first `limit` billing entries behind `serial`, oldest first.
    package func billing(after serial: Int64 = 0, limit: Int = 1000) async throws -> [BillingEntry] {
        try await writer.withDatabase { database throws(RegistryError) in
            try database.readBilling(after: serial, limit: limit)
        }
    }

    /// The latest `limit` audit entries before `time`, youngest first.
    package func audit(
        before time: Timestamp = Timestamp(microseconds: .max), limit: Int = 1000
    ) async throws -> [AuditEntry] {
        try await writer.withDatabase { database throws(RegistryError) in
            try database.readAudit(before: time, limit: limit)
        }
    }

    // MARK: Keys

    /// Every key, oldest first.
    package var keys: [APIKey] { memory.keys.all }

    /// The key that `token` is, unless it is unknown or revoked; in a time that does not tell which.
    package func authenticate(_ token: String) -> APIKey? {
        guard let (key, isUseNews) = memory.keys.authenticate(token, at: configuration.clock()) else { return nil }
        if isUseNews {
            // When a key was used is worth knowing, but no reason to turn its user away.
            try? writer.submit(
                RegistryWriter.Job { transaction in
                    transaction.noteUse(key)
                    return .keep { _ in }
                })
        }
        return key
    }
}

extension SandboxTable {
    /// Nobody could use a sandbox while the registry was down: live ones get until `time`.
    mutating func grantGrace(until time: Timestamp) {
        for slot in deadlines.indices where writtenAutoStop(at: slot) != nil && deadlines[slot] < time.microseconds {
            setDeadline(time, at: slot)
        }
    }
}
