import CImages
import GEM
import Glibc
import Transport

extension Failure {
    /// A system call that failed: what it was to do, on what, and the kernel's reason.
    init(_ call: String, _ subject: String, _ error: Int32) {
        self.init(.infraFailed, "\(SystemCallError(call, subject, errno: error)).")
    }

    /// Passes on the result of a C call that returns `-errno` on failure.
    @discardableResult
    static func check<Result: SignedInteger>(
        _ result: Result, _ call: String, _ subject: @autoclosure () -> String
    ) throws(Failure) -> Result {
        guard result < 0 else { return result }
        throw Failure(call, subject(), Int32(-result))
    }
}

/// What any code of this target throws, as the one type that it may throw.
func failure(_ error: any Error) -> Failure {
    switch error {
    case let failure as Failure: failure
    case is CancellationError: Failure(.infraFailed, "It was cancelled.")
    default: Failure(.infraFailed, "\(error).")
    }
}

/// Files and folders by path, whole.
enum Files {
    /// Opens a file; the caller owns the descriptor.
    static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0o600) throws(Failure) -> OwnedDescriptor {
        OwnedDescriptor(try Failure.check(rock_image_open(AT_FDCWD, path, flags, mode), "open", path))
    }

    /// The content of a file of at most `limit` bytes; `nil` where there is none.
    static func read(_ path: String, limit: Int = 16 << 20) throws(Failure) -> [UInt8]? {
        let result = rock_image_open(AT_FDCWD, path, O_RDONLY, 0)
        if result == -ENOENT { return nil }
        let file = OwnedDescriptor(try Failure.check(result, "open", path))
        return try read(file, path, limit: limit)
    }

    /// What is left of an open file.
    static func read(_ file: borrowing OwnedDescriptor, _ subject: String, limit: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(file.rawValue, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure("read", subject, errno) }
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else {
                throw Failure(.tooLarge, "\(subject) is longer than \(limit) bytes.")
            }
            bytes += piece[..<count]
        }
    }

    /// Writes all of `bytes`.
    static func write(
        _ bytes: UnsafeRawBufferPointer, to file: borrowing OwnedDescriptor, _ subject: @autoclosure () -> String
    ) throws(Failure) {
        var place = 0
        while place < bytes.count {
            let count = Glibc.write(file.rawValue, bytes.baseAddress?.advanced(by: place), bytes.count - place)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure("write", subject(), errno) }
            place += count
        }
    }

    static func write(
        _ bytes: [UInt8], to file: borrowing OwnedDescriptor, _ subject: @autoclosure () -> String
    ) throws(Failure) {
        do {
            try bytes.withUnsafeBytes { try write($0, to: file, subject()) }
        } catch {
            throw failure(error)
        }
    }

    /// Replaces the file at `path`, so that a reader or a crash finds the old content or the new one.
    static func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
        let draft = path + ".draft"
        let file = try open(draft, O_WRONLY | O_CREAT | O_TRUNC)
        try write(bytes, to: file, draft)
        guard fsync(file.rawValue) == 0 else { throw Failure("fsync", draft, errno) }
        guard rename(draft, path) == 0 else { throw Failure("rename", path, errno) }
    }

    /// Makes a folder where none is.
    static func makeFolder(_ path: String, mode: UInt32 = 0o755) throws(Failure) {
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw Failure("mkdir", path, errno) }
    }

    /// Whether something is at `path`.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The names in a folder, sorted; none where there is no folder.
    static func names(in path: String) throws(Failure) -> [String] {
        let result = rock_image_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0)
        if result == -ENOENT { return [] }
        return try FolderListing.names(of: Failure.check(result, "open", path), path)
            .map { String(decoding: $0.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) }
    }
}

/// What a folder holds, by names that need not be UTF-8.
enum FolderListing {
    /// The names, each with its NUL, in the order of their bytes; without `.` and `..`. Takes over `descriptor`.
    static func names(of descriptor: Int32, _ subject: @autoclosure () -> String) throws(Failure) -> [[CChar]] {
        guard let folder = fdopendir(descriptor) else {
            let reason = errno
            close(descriptor)
            throw Failure("opendir", subject(), reason)
        }
        defer { closedir(folder) }
        var names: [[CChar]] = []
        while true {
            errno = 0
            guard let entry = Glibc.readdir(folder) else {
                guard errno == 0 else { throw Failure("readdir", subject(), errno) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                bytes.prefix { $0 != 0 }.map(CChar.init(bitPattern:)) + [0]
            }
            if name != [0x2E, 0], name != [0x2E, 0x2E, 0] { names.append(name) }
        }
        return names.sorted { one, other in
            one.lexicographicallyPrecedes(other) { UInt8(bitPattern: $0) < UInt8(bitPattern: $1) }
        }
    }
}

extension Sequence<UInt8> {
    /// The bytes as C takes a name: with a NUL behind.
    var cString: [CChar] { map(CChar.init(bitPattern:)) + [0] }
}

extension [UInt8] {
    /// The bytes as a person reads them.
    var text: String { String(decoding: self, as: UTF8.self) }
}

extension [CChar] {
    /// A name with its NUL as a person reads it.
    var name: String { String(decoding: prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) }
}
