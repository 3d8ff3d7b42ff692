import GEM
import Registry
import Synchronization
import Transport
import Upkeep

/// Runs, switches and the lease, in a SQLite file that several servers may share.
///
/// Few rows and seldom: each call is a transaction of its own on a thread that may wait.
final class SchedulerStore: Sendable {
    /// Runs that are kept of each task.
    static let keptRuns = 1000

    private struct Connection: @unchecked Sendable {
        // Safety of @unchecked: it is used with the lock of `connection` held only.
        let database: Database?
    }

    private let connection: Mutex<Connection>
    private let pool = BlockingPool(threads: 1)

    private static let migrations = [
        Migration(
            number: 1,
            sql: """
                CREATE TABLE task_runs (
                    serial INTEGER PRIMARY KEY,
                    task TEXT NOT NULL,
                    worker TEXT NOT NULL,
                    source TEXT NOT NULL,
                    start_time INTEGER NOT NULL,
                    end_time INTEGER,
                    status TEXT NOT NULL,
                    process INTEGER,
                    error TEXT,
                    details TEXT NOT NULL
                ) STRICT;
                CREATE INDEX task_runs_by_task ON task_runs (task, worker, serial);
                CREATE TABLE task_switches (task TEXT PRIMARY KEY, is_enabled INTEGER NOT NULL) STRICT, WITHOUT ROWID;
                CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
                """)
    ]

    /// Opens the file at `path`. Blocks.
    ///
    /// - Throws: ``Failure`` that names the file.
    init(path: String) throws(Failure) {
        do throws(RegistryError) {
            let database = try Database(path: path)
            try database.execute("PRAGMA journal_mode = WAL")
            try database.migrate(Self.migrations)
            connection = Mutex(Connection(database: database))
        } catch {
            throw Failure(error)
        }
    }

    /// Closes the file; every later call fails.
    func close() { connection.withLock { $0 = Connection(database: nil) } }

    // MARK: The lease

    /// Takes the lease, or holds on to it.
    ///
    /// - Parameters:
    ///   - holder: Who asks; nobody else has the same name.
    ///   - time: Now.
    ///   - end: Until when.
    /// - Returns: Who has it now, and until when.
    /// - Throws: ``Failure`` where the file cannot be used.
    func lease(_ holder: String, at time: Timestamp, until end: Timestamp) async throws(Failure) -> (String, Timestamp)
    {
        try await run { database throws(RegistryError) in
            try database.statement(
                """
                INSERT INTO leases (name, holder, until) VALUES ('scheduler', ?1, ?2)
                ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
                WHERE holder = excluded.holder OR until <= ?3
                """
            ).run {
                $0.text(holder)
                $0.integer(end.microseconds)
                $0.integer(time.microseconds)
            }
            var found = (holder, end)
            try database.statement("SELECT holder, until FROM leases WHERE name = 'scheduler'").query {
                row throws(RegistryError) in
                found = (try row.text(), Timestamp(microseconds: try row.integer()))
            }
            return found
        }
    }

    /// Gives the lease back, if `holder` has it.
    func release(_ holder: String) async throws(Failure) {
        try await run { database throws(RegistryError) in
            try database.statement("DELETE FROM leases WHERE name = 'scheduler' AND holder = ?").run { $0.text(holder) }
        }
    }

    // MARK: Switches

    /// What was switched on or off by hand; it outweighs the file.
    func switches() async throws(Failure) -> [String: Bool] {
        try await run { database throws(RegistryError) in
            var switches: [String: Bool] = [:]
            try database.statement("SELECT task, is_enabled FROM task_switches").query { row throws(RegistryError) in
                switches[try row.text()] = try row.bool()
            }
            return switches
        }
    }

    func setSwitch(_ task: String, _ isEnabled: Bool) async throws(Failure) {
        try await run { database throws(RegistryError) in
            try database.statement(
                """
                INSERT INTO task_switches (task, is_enabled) VALUES (?, ?)
                ON CONFLICT (task) DO UPDATE SET is_enabled = excluded.is_enabled
                """
            ).run {
                $0.text(task)
                $0.bool(isEnabled)
            }
        }
    }

    // MARK: Runs

    /// Writes down that a run begins, and forgets the oldest of its task.
    ///
    /// - Returns: The run's number.
    func begin(_ run: TaskRun) async throws(Failure) -> Int64 {
        try await self.run { database throws(RegistryError) in
            try database.statement(
                """
                INSERT INTO task_runs (task, worker, source, start_time, status, details) VALUES (?, ?, ?, ?, ?, '{}')
                """
            ).run {
                $0.text(run.task)
                $0.text(run.worker)
                $0.text(run.trigger.rawValue)
                $0.integer(run.startTime.microseconds)
                $0.text(TaskReport.Status.pending.rawValue)
            }
            let serial = try database.integer("SELECT max(serial) FROM task_runs")
            try database.statement(
                """
                DELETE FROM task_runs WHERE task = ?1 AND serial <=
                    (SELECT serial FROM task_runs WHERE task = ?1 ORDER BY serial DESC LIMIT 1 OFFSET ?2)
                """
            ).run {
                $0.text(run.task)
                $0.integer(Self.keptRuns)
            }
            return serial
        }
    }

    /// Writes down how a run ended.
    func end(_ run: TaskRun) async throws(Failure) {
        let details = String(decoding: JSON.object(run.report.details).serialized, as: UTF8.self)
        try await self.run { database throws(RegistryError) in
            try database.statement(
                "UPDATE task_runs SET end_time = ?, status = ?, process = ?, error = ?, details = ? WHERE serial = ?"
            ).run {
                $0.integer(run.endTime?.microseconds)
                $0.text(run.report.status.rawValue)
                $0.integer(run.report.process)
                $0.text(run.report.error)
                $0.text(details)
                $0.integer(run.serial)
            }
        }
    }

    /// Ends the runs that a scheduler has left in their midst: they are failed, and say why.
    func endAbandoned(at time: Timestamp) async throws(Failure) {
        try await run { database throws(RegistryError) in
            try database.statement(
                """
                UPDATE task_runs SET end_time = ?, status = 'failed', error = 'The server ended while the task was at work.'
                WHERE status = 'pending'
                """
            ).run { $0.integer(time.microseconds) }
        }
    }

    /// The latest `limit` runs, youngest first: of one task, or of all.
    func runs(of task: String?, limit: Int) async throws(Failure) -> [TaskRun] {
        try await run { database throws(RegistryError) in
            var runs: [TaskRun] = []
            try database.statement(
                "\(Self.select) WHERE ?1 IS NULL OR task = ?1 ORDER BY serial DESC LIMIT ?2"
            ).query {
                $0.text(task)
                $0.integer(limit)
            } read: { row throws(RegistryError) in
                runs.append(try Self.read(&row))
            }
            return runs
        }
    }

    /// The last run of each task on each worker.
    func lastRuns() async throws(Failure) -> [TaskRun] {
        try await run { database throws(RegistryError) in
            var runs: [TaskRun] = []
            try database.statement(
                "\(Self.select) WHERE serial IN (SELECT max(serial) FROM task_runs GROUP BY task, worker) ORDER BY task, worker"
            ).query { row throws(RegistryError) in runs.append(try Self.read(&row)) }
            return runs
        }
    }

    private static let select =
        "SELECT serial, task, worker, source, start_time, end_time, status, process, error, details FROM task_runs"

    private static func read(_ row: inout Statement.Row) throws(RegistryError) -> TaskRun {
        let (serial, task, worker) = (try row.integer(), try row.text(), try row.text())
        let trigger = TaskRun.Trigger(rawValue: try row.text()) ?? .schedule
        let start = Timestamp(microseconds: try row.integer())
        let end = try row.optionalInteger().map(Timestamp.init(microseconds:))
        guard let status = TaskReport.Status(rawValue: try row.text()) else { throw row.damaged(expected: "status") }
        let process = try row.optionalInteger().flatMap(Int32.init(exactly:))
        let error = try row.optionalText()
        let details = (try? JSON(parsing: try row.text()))?.object ?? JSON.Object()
        return TaskRun(
            serial: serial, task: task, worker: worker, trigger: trigger, startTime: start, endTime: end,
            report: TaskReport(status, process: process, error: error, details: details))
    }

    private func run<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws(RegistryError) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure>
        do {
            result = try await pool.run { [self] in
                connection.withLock { connection in
                    guard let database = connection.database else {
                        return .failure(Failure(.shuttingDown, "The scheduler is being shut down."))
                    }
                    do throws(RegistryError) {
                        return .success(try database.transaction { () throws(RegistryError) in try body(database) })
                    } catch {
                        return .failure(Failure(error))
                    }
                }
            }
        } catch {
            throw Failure(.infraFailed, "No thread for blocking work: \(error).")
        }
        return try result.get()
    }
}
