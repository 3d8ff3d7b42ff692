import CSQLite
import Glibc

/// One connection to one SQLite file.
///
/// It is not for sharing: whoever opened it uses it from one thread at a time.
package final class Database {
    /// How a file is opened.
    package enum Access: Sendable {
        /// Reads and writes; creates the file, readable by its owner only, where there is none.
        case readWrite
        /// Reads only, and leaves nothing beside the file.
        case readOnly
    }

    package let path: String
    /// Valid until ``close()``, after which nobody may use it.
    let handle: OpaquePointer
    private var isOpen = true
    private var statements: [String: Statement] = [:]

    /// Opens the file at `path` and looks at its first page.
    ///
    /// - Throws: ``RegistryError`` with code `readOnly`, `ioFailed`, `corrupt` or `inUse`, naming the path.
    package init(path: String, access: Access = .readWrite) throws(RegistryError) {
        self.path = path
        if access == .readWrite { try Self.createFile(at: path) }
        var handle: OpaquePointer?
        let flags = access == .readWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
        let name = access == .readWrite ? path : Self.readOnlyName(path)
        // No mutexes: the connection never leaves its thread.
        let result = sqlite3_open_v2(
            name, &handle, flags | SQLITE_OPEN_NOMUTEX | (access == .readOnly ? SQLITE_OPEN_URI : 0), nil)
        guard result == SQLITE_OK, let handle else {
            let error = RegistryError(sqlite: result, on: handle, path: path, whileTrying: "opening the file")
            sqlite3_close_v2(handle)
            throw error
        }
        self.handle = handle
        sqlite3_extended_result_codes(handle, 1)
        // A person may look into the file with another program; wait for it rather than fail.
        sqlite3_busy_timeout(handle, 5000)
        // SQLite silently falls back to reading when it may not write.
        if access == .readWrite, sqlite3_db_readonly(handle, "main") == 1 {
            throw RegistryError(
                .readOnly, "\(path) cannot be written; make the file and its folder writable for this user",
                sqliteCode: SQLITE_READONLY)
        }
        try execute("PRAGMA trusted_schema = OFF")
        try execute("PRAGMA cell_size_check = ON")
        try execute("PRAGMA foreign_keys = ON")
    }

    deinit { close() }

    /// Closes the file now rather than with the last reference.
    func close() {
        guard isOpen else { return }
        isOpen = false
        statements.removeAll()
        sqlite3_close_v2(handle)
    }

    /// Without a log beside it the file is declared unchanging, so that it can be read where nothing can be written: a
    /// log needs an index, which SQLite would have to create.
    private static func readOnlyName(_ path: String) -> String {
        var log = stat()
        let hasLog = stat(path + "-wal", &log) == 0 && log.st_size > 0
        var name = "file:"
        for byte in path.utf8 {
            switch byte {
            case 0x2F, 0x2D, 0x2E, 0x5F, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: name.append(Character(.init(byte)))
            default: name += byte < 16 ? "%0\(String(byte, radix: 16))" : "%\(String(byte, radix: 16))"
            }
        }
        return hasLog ? name : name + "?immutable=1"
    }

    /// SQLite would create the file readable by everybody.
    private static func createFile(at path: String) throws(RegistryError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            Glibc.close(descriptor)
            return
        }
        let reason = errno
        // An existing file that may be read is for SQLite to judge.
        if (reason == EACCES || reason == EROFS || reason == EPERM), access(path, R_OK) == 0 { return }
        throw RegistryError("open", path, reason)
    }

    // MARK: Running SQL

    /// Runs statements without parameters and without rows, separated by semicolons.
    package func execute(_ sql: String) throws(RegistryError) {
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw failure(result, sql) }
    }

    /// The prepared form of `sql`, made once for each text.
    package func statement(_ sql: String) throws(RegistryError) -> Statement {
        if let statement = statements[sql] { return statement }
        let statement = try Statement(sql, on: self)
        statements[sql] = statement
        return statement
    }

    /// The single integer that `sql` answers.
    package func integer(_ sql: String) throws(RegistryError) -> Int64 {
        var answer: Int64?
        try Statement(sql, on: self).query { row throws(RegistryError) in answer = try row.integer() }
        guard let answer else { throw RegistryError(.sqliteFailed, "\(path): no row came back from: \(sql)") }
        return answer
    }

    /// The texts in the first column that `sql` answers.
    package func texts(_ sql: String) throws(RegistryError) -> [String] {
        var answer: [String] = []
        try Statement(sql, on: self).query { row throws(RegistryError) in answer.append(try row.text()) }
        return answer
    }

    /// Runs `body` between BEGIN and COMMIT; whatever it throws, or a COMMIT that fails, leaves the file as it was.
    package func transaction<Result>(
        _ body: () throws(RegistryError) -> Result
    ) throws(RegistryError) -> Result {
        // Immediate: the lock is taken now, not at the first write, where waiting is no longer possible.
        try execute("BEGIN IMMEDIATE")
        do throws(RegistryError) {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // On a full disk SQLite may have rolled back already; then there is nothing to undo.
            if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// How many rows the last INSERT, UPDATE or DELETE changed.
    package var changedRows: Int { Int(sqlite3_changes64(handle)) }

    /// The error that SQLite just reported.
    func failure(_ result: Int32, _ sql: String) -> RegistryError {
        let action = sql.count <= 120 ? sql : "\(sql.prefix(117))…"
        return RegistryError(sqlite: result, on: handle, path: path, whileTrying: "“\(action)”")
    }
}
