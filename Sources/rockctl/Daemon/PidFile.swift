import Glibc
import Transport

/// The file in a data directory that says which server uses it.
///
/// The file alone proves nothing: a server that was killed leaves it behind. What counts is the lock on it, which ends with
/// the process, and whose holder the kernel itself names.
struct PidFile: ~Copyable {
    private let file: OwnedDescriptor
    private let path: String

    /// Who holds the lock.
    struct Holder: Equatable {
        let process: pid_t
        /// The server's address, where it listens on TCP.
        let url: String?
        /// When it became ready, in seconds since 1970.
        let readySince: Int
    }

    private init(_ file: consuming OwnedDescriptor, path: String) {
        self.file = file
        self.path = path
    }

    /// Takes the lock and writes this process's id and `url` down.
    ///
    /// - Returns: The lock, which ends with the value.
    /// - Throws: ``CommandError`` where another process holds it; ``SystemCallError``.
    static func take(in directory: String, url: String?) throws -> PidFile {
        let path = path(in: directory)
        let file = OwnedDescriptor(
            try SystemCallError.check(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600), "open", path))
        var lock = wholeFile
        guard fcntl(file.rawValue, F_SETLK, &lock) == 0 else { throw taken(by: try holder(in: directory), directory) }
        let text = Array("\(getpid())\n\(url ?? "")\n".utf8)
        guard ftruncate(file.rawValue, 0) == 0, pwrite(file.rawValue, text, text.count, 0) == text.count else {
            // The lock alone says who runs here: a full disk is no reason not to serve what can be served.
            guard errno != ENOSPC, errno != EDQUOT else { return PidFile(file, path: path) }
            throw SystemCallError("write", path, errno: errno)
        }
        return PidFile(file, path: path)
    }

    deinit { unlink(path) }

    /// The server that uses `directory`; `nil` where none does.
    ///
    /// - Throws: ``SystemCallError`` where the file cannot be looked at.
    static func holder(in directory: String) throws -> Holder? {
        let path = path(in: directory)
        let number = open(path, O_RDONLY | O_CLOEXEC)
        if number < 0, errno == ENOENT || errno == ENOTDIR { return nil }
        let file = OwnedDescriptor(try SystemCallError.check(number, "open", path))
        var lock = wholeFile
        try SystemCallError.check(fcntl(file.rawValue, F_GETLK, &lock), "fcntl", path)
        guard lock.l_type != Int16(F_UNLCK) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(file.rawValue, &bytes, bytes.count, 0)
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false)
        var information = stat()
        try SystemCallError.check(fstat(file.rawValue, &information), "fstat", path)
        let url = lines.count > 1 && !lines[1].isEmpty ? String(lines[1]) : nil
        return Holder(process: lock.l_pid, url: url, readySince: information.st_mtim.tv_sec)
    }

    /// That `directory` is in use.
    static func taken(by holder: Holder?, _ directory: String) -> CommandError {
        let who = holder.map { " (process \($0.process)" + ($0.url.map { ", \($0)" } ?? "") + ")" } ?? ""
        return CommandError(
            .failure, "a server runs in \(directory) already\(who)",
            hint: "stop it with 'rockctl admin stop', or choose another directory with --data-dir")
    }

    private static func path(in directory: String) -> String { directory + "/admin.pid" }
    private static var wholeFile: flock {
        flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
    }
}
