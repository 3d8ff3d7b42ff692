import CSQLite
import Glibc

extension Database {
    /// Copies this database, as it is now, into a new file at `target`, which appears only when it is complete and on disk.
    ///
    /// Others may write meanwhile; what they commit later is not in the copy.
    /// - Throws: ``RegistryError``; nothing is left behind then.
    func copy(to target: String) throws(RegistryError) {
        let draft = target + ".part"
        unlink(draft)
        do throws(RegistryError) {
            try copyPages(to: draft)
            // Rename replaces in one step: either the old file is there or the whole new one.
            guard rename(draft, target) == 0 else {
                throw RegistryError("rename", "\(draft), \(target)", errno)
            }
            try Self.flushFolder(of: target)
        } catch {
            unlink(draft)
            throw error
        }
    }

    private func copyPages(to draft: String) throws(RegistryError) {
        let copy = try Database(path: draft)
        guard let backup = sqlite3_backup_init(copy.handle, "main", handle, "main") else {
            throw copy.failure(sqlite3_errcode(copy.handle), "starting the backup")
        }
        // All pages at once: in a write-ahead log a reader holds up nobody.
        let result = sqlite3_backup_step(backup, -1)
        let end = sqlite3_backup_finish(backup)
        guard result == SQLITE_DONE, end == SQLITE_OK else {
            throw copy.failure(result == SQLITE_DONE ? end : result, "copying to the backup")
        }
        // A backup is one file: with a log of its own it could be separated from it.
        guard try copy.texts("PRAGMA journal_mode = DELETE") == ["delete"] else {
            throw RegistryError(.ioFailed, "\(draft): the backup cannot leave write-ahead mode")
        }
        try copy.checkIntegrity()
        copy.close()
        try Self.flush(draft, flags: O_RDWR)
    }

    static func flushFolder(of path: String) throws(RegistryError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try flush(folder.isEmpty ? "/" : folder, flags: O_RDONLY | O_DIRECTORY)
    }

    private static func flush(_ path: String, flags: Int32) throws(RegistryError) {
        let descriptor = open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw RegistryError("open", path, errno)
        }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw RegistryError("fsync", path, errno)
        }
    }
}

extension SandboxRegistry {
    /// Copies the registry, while it is used, into a new file at `target`; an older file there is replaced at the end.
    ///
    /// - Throws: ``RegistryError`` with code `diskFull`, `ioFailed` and what else the disk says.
    package func backup(to target: String) async throws {
        let source = path
        guard source != target else {
            throw RegistryError(.invalidArgument, "a backup of \(source) needs another name")
        }
        try await onOwnThread { () throws(RegistryError) in
            // Its own connection, so that writers need not wait for the copy.
            try Database(path: source).copy(to: target)
        }
    }

    /// Puts the backup at `source` in the place of the registry at `path`, which no process may be using.
    ///
    /// The registry that was there stays beside it, named `path` with `.replaced` behind it.
    /// - Throws: ``RegistryError`` with code `inUse`, or, with the old registry untouched, `corrupt`, `notARegistry`,
    ///   `newerSchema` and what else the disk says.
    package static func restore(_ path: String, from source: String) throws(RegistryError) {
        let lock = try FileLock(path: path + "-lock")
        try lock.whileHeld { () throws(RegistryError) in
            let backup = try Database(path: source, access: .readOnly)
            guard try backup.checkedVersion() > 0 else {
                throw RegistryError(.notARegistry, "\(source) is empty; name a backup of a registry")
            }
            try backup.checkIntegrity()
            let replacement = path + ".restored"
            try backup.copy(to: replacement)
            try setAside(path)
            guard rename(replacement, path) == 0 else {
                throw RegistryError("rename", "\(replacement), \(path)", errno)
            }
            try Database.flushFolder(of: path)
        }
    }

    /// Gives the file at `path` a second name, so that there is a file at `path` at every moment.
    private static func setAside(_ path: String) throws(RegistryError) {
        let aside = path + ".replaced"
        for suffix in ["", "-wal"] { unlink(aside + suffix) }
        guard link(path, aside) == 0 else {
            if errno == ENOENT { return }
            throw RegistryError("link", "\(path), \(aside)", errno)
        }
        // Moves the log into the file. A file that is too damaged for it is being replaced for that very reason.
        if let old = try? Database(path: path) { try? old.execute("PRAGMA wal_checkpoint(TRUNCATE)") }
        // What is left of the log must not be taken for the new file's.
        rename(path + "-wal", aside + "-wal")
        unlink(path + "-shm")
    }
}
