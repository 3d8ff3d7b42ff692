import CSQLite

extension RegistryError {
    /// The failure that SQLite reported with `result` on `connection` while `action` was tried on the file at `path`.
    init(sqlite result: Int32, on connection: OpaquePointer?, path: String, whileTrying action: String) {
        let text = connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(result))
        let (code, advice) = Self.meaning(of: result)
        let sentence = "\(path): \(action) failed: \(text) (SQLite code \(result))"
        self.init(code, advice.isEmpty ? sentence : "\(sentence); \(advice)", sqliteCode: result)
    }

    /// The code and the advice for SQLite's extended `result`; its low byte is the primary code.
    private static func meaning(of result: Int32) -> (Code, advice: String) {
        switch result & 0xFF {
        case SQLITE_READONLY: (.readOnly, "make the file, its -wal file and its folder writable for this user")
        case SQLITE_FULL: (.diskFull, "free some space; nothing of this change was kept")
        case SQLITE_CORRUPT, SQLITE_NOTADB: (.corrupt, "restore a backup, or move the file away to start empty")
        case SQLITE_BUSY, SQLITE_LOCKED: (.inUse, "another program is using the file; close it and try again")
        case SQLITE_CANTOPEN: (.ioFailed, "the folder must exist and be readable and writable for this user")
        case SQLITE_IOERR: (.ioFailed, "look at the disk and at the system log")
        default: (.sqliteFailed, "")
        }
    }
}
