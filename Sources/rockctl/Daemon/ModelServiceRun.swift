import GEM
import Glibc
import Transport

/// A model service that runs in the background, as the folder it was started in knows it.
///
/// `pid.txt` is where ROCK's own command has it, and holds the process's number alone. A service that was killed leaves it
/// behind: what counts is the lock on it, which ends with the process.
struct ModelServiceRun: ~Copyable {
    /// The folder, below the one that a service is started in.
    static let folder = "data/cli/model"
    private static let pidPath = folder + "/pid.txt"
    private static let factsPath = folder + "/service.json"

    private let file: OwnedDescriptor
    private let here: String

    private init(_ file: consuming OwnedDescriptor, in here: String) {
        self.file = file
        self.here = here
    }

    deinit { for path in [Self.pidPath, Self.factsPath] { unlink(here + "/" + path) } }

    /// Takes the lock and writes down which process this is.
    ///
    /// - Parameter here: The working directory, from the root on.
    /// - Returns: The lock; the files go with it.
    /// - Throws: ``CommandError`` where a service runs already; ``SystemCallError``.
    static func take(in here: String) throws -> ModelServiceRun {
        var made = here
        for part in folder.split(separator: "/") {
            made += "/" + part
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw SystemCallError("mkdir", made, errno: errno) }
        }
        let path = here + "/" + pidPath
        let file = OwnedDescriptor(
            try SystemCallError.check(open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644), "open", path))
        var lock = wholeFile
        guard fcntl(file.rawValue, F_SETLK, &lock) == 0 else { throw isTaken(try running()?.process) }
        // Without a line feed: ROCK's command passes on the file's text as it is.
        try put("\(getpid())", to: file.rawValue, path)
        return ModelServiceRun(file, in: here)
    }

    /// Writes down what the service is like, for ``running()``.
    ///
    /// - Throws: ``SystemCallError``.
    borrowing func note(_ facts: JSON) throws {
        let path = here + "/" + Self.factsPath
        let file = OwnedDescriptor(
            try SystemCallError.check(open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644), "open", path))
        try Self.put(String(decoding: facts.serialized, as: UTF8.self) + "\n", to: file.rawValue, path)
    }

    private static func put(_ text: String, to file: Int32, _ path: String) throws {
        let bytes = Array(text.utf8)
        guard ftruncate(file, 0) == 0, pwrite(file, bytes, bytes.count, 0) == bytes.count else {
            throw SystemCallError("write", path, errno: errno)
        }
    }

    /// The service that was started in the working directory, and what it wrote down; `nil` where none runs.
    ///
    /// - Throws: ``SystemCallError`` where the file cannot be looked at.
    static func running() throws -> (process: pid_t, facts: JSON)? {
        let number = open(pidPath, O_RDONLY | O_CLOEXEC)
        if number < 0, errno == ENOENT || errno == ENOTDIR { return nil }
        let file = OwnedDescriptor(try SystemCallError.check(number, "open", pidPath))
        var lock = wholeFile
        try SystemCallError.check(fcntl(file.rawValue, F_GETLK, &lock), "fcntl", pidPath)
        guard lock.l_type != Int16(F_UNLCK) else { return nil }
        return (lock.l_pid, facts())
    }

    private static func facts() -> JSON {
        let number = open(factsPath, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return [:] }
        let file = OwnedDescriptor(number)
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = read(file.rawValue, &bytes, bytes.count)
        let text = Array(bytes.prefix(max(0, count)))
        return (try? JSON(parsing: text.span)) ?? [:]  // half written: nothing is known yet
    }

    /// Removes what a service left that was killed.
    static func clear() {
        unlink(pidPath)
        unlink(factsPath)
    }

    static func isTaken(_ process: pid_t?) -> CommandError {
        CommandError(
            .failure, "a model service runs in this directory already" + (process.map { " (process \($0))" } ?? ""),
            hint: "end it with 'rockctl model-service stop'")
    }

    private static var wholeFile: flock {
        flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
    }
}
