import GEM
import Glibc
import Transport

/// The file of a conversation, for writers. Everything here blocks.
struct ConversationFile: Sendable {
    let path: String

    /// The folder it is in.
    var folder: String { path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "." }
    var name: String { path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path }

    /// Makes the folder, and those above it.
    ///
    /// - Throws: ``Failure``.
    func makeFolder() throws(Failure) { try Folders.make(folder) }

    /// Begins anew with an empty file. Who has the old one open sees that it is gone.
    ///
    /// - Throws: ``Failure``.
    func recreate() throws(Failure) {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove") }
        try close(open(O_WRONLY | O_CREAT | O_EXCL))
    }

    /// Appends `line` in one piece. Half a line that a killed writer has left is ended first, so that it spoils no other.
    ///
    /// - Throws: ``Failure``; `tooLarge` where the file would be larger than `limit` bytes.
    func append(_ line: [UInt8], limit: Int = .max) throws(Failure) {
        let file = OwnedDescriptor(try open(O_RDWR | O_CREAT | O_APPEND))
        // Among writers of ours; others append without, and the kernel keeps their lines whole.
        _ = flock(file.rawValue, LOCK_EX)
        let size = lseek(file.rawValue, 0, SEEK_END)
        guard size <= limit - line.count else {
            throw Failure(.tooLarge, "The conversation has reached its limit of \(limit) bytes.")
        }
        var last: UInt8 = 0x0A
        if size > 0 { _ = pread(file.rawValue, &last, 1, size - 1) }
        let bytes = last == 0x0A ? line : [0x0A] + line
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(file.rawValue, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("append to") }
            written += count
        }
    }

    private func open(_ flags: Int32) throws(Failure) -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("open") }
        return descriptor
    }

    private func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    private func failure(_ verb: String) -> Failure {
        Failure(.infraFailed, "Cannot \(verb) \(path): \(String(cString: strerror(errno))).")
    }

    /// Milliseconds since 1970.
    static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

/// Folders for what a service writes.
enum Folders {
    /// Makes `path` and what is missing above it.
    ///
    /// - Throws: ``Failure``.
    static func make(_ path: String) throws(Failure) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += part
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else {
                throw Failure(.infraFailed, "Cannot make the folder \(made): \(String(cString: strerror(errno))).")
            }
            made += "/"
        }
    }
}
