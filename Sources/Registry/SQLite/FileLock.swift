import Glibc

/// Says that this process, and no other, serves the file beside it.
///
/// The kernel lets go of the lock when the process ends, however it ends; what the lock file holds is only told to people.
struct FileLock: ~Copyable {
    private let descriptor: Int32

    /// Locks the file at `path` and writes this process's id into it.
    ///
    /// - Throws: ``RegistryError`` with code `inUse` and the owner's process id, or `ioFailed`.
    init(path: String) throws(RegistryError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw RegistryError("open", path, errno) }
        // Not fcntl's record locks: those would let a second opener in the same process through.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            defer { close(descriptor) }
            guard reason == EWOULDBLOCK else { throw RegistryError("flock", path, reason) }
            let owner = Self.owner(descriptor)
            throw RegistryError(
                .inUse,
                "\(path) is locked by \(owner.map { "process \($0)" } ?? "another process"); stop it first, or use another folder"
            )
        }
        self.descriptor = descriptor
        let text = Array("\(getpid())\n".utf8)
        // Without the id the lock still holds, so a full disk is no reason to give up.
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
    }

    deinit {
        // Closing alone would not do while a child that was just forked still has the descriptor.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Runs `body` with the lock held to its end.
    borrowing func whileHeld(_ body: () throws(RegistryError) -> Void) throws(RegistryError) { try body() }

    private static func owner(_ descriptor: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &text, text.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: text[..<count].prefix { 0x30...0x39 ~= $0 }, as: UTF8.self))
    }
}
