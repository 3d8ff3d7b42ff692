import GEM
import Glibc
import Transport

/// A program of the machine's, run by a task: never through a shell, with an environment of its own, in a process group of its own.
enum SystemProgram {
    struct Outcome: Sendable, CustomStringConvertible {
        let status: ChildStatus
        /// Whether it was ended because its time was over.
        let isCutOff: Bool
        /// The end of what it printed, on both streams.
        let output: String

        var isSuccess: Bool { status == .exited(0) && !isCutOff }

        var description: String {
            if isCutOff { return "was ended: its time was over" }
            switch status {
            case .exited(let code): return code == 0 ? "ended well" : "ended with status \(code)"
            case .signalled(let signal): return "was ended by signal \(signal)"
            }
        }
    }

    /// The path of the program `name`, looked for where Debian has programs; `nil` where there is none.
    static func find(_ name: String) -> String? {
        if name.hasPrefix("/") { return access(name, X_OK) == 0 ? name : nil }
        return ["/usr/local/bin/", "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"].map { $0 + name }.first {
            access($0, X_OK) == 0
        }
    }

    /// Runs a program to its end. When the task is cancelled, it is killed with everything it has started in its group.
    ///
    /// - Parameters:
    ///   - path: The executable.
    ///   - arguments: Without its name.
    ///   - environment: `NAME=value`, beside a search path and a language.
    ///   - log: The file that it prints to; what was there before is gone.
    ///   - loop: Where its end is waited for.
    /// - Returns: How it ended.
    /// - Throws: ``Failure`` `infraFailed` where it cannot be started.
    static func run(
        _ path: String, _ arguments: [String], environment: [String] = [], log: String, on loop: EventLoop
    ) async throws(Failure) -> Outcome {
        let process = try start(path, arguments, environment: environment, log: log)
        do {
            let status = try await withTaskCancellationHandler {
                try await loop.exitStatus(ofChild: process)
            } onCancel: {
                // Its number is its own until it is collected, and its group's for as long as one of the group lives.
                kill(-process, SIGKILL)
            }
            let isCutOff = Task.isCancelled
            return Outcome(status: status, isCutOff: isCutOff, output: end(of: log))
        } catch {
            throw Failure(.infraFailed, "\(path) cannot be waited for: \(error).")
        }
    }

    /// Starts a program that goes on when this one has ended.
    ///
    /// - Returns: Its process id.
    static func startLasting(_ path: String, _ arguments: [String], log: String) throws(Failure) -> Int32 {
        try start(path, arguments, environment: [], log: log)
    }

    private static func start(
        _ path: String, _ arguments: [String], environment: [String], log: String
    ) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETPGROUP))
        let settings =
            ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"] + environment
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = settings.map { strdup($0) } + [nil]
        defer { (words + variables).forEach { free($0) } }
        var process = pid_t()
        let error = posix_spawn(&process, path, &actions, &attributes, &words, &variables)
        guard error == 0 else {
            throw Failure(.infraFailed, "\(path) could not be started: \(String(cString: strerror(error))).")
        }
        return process
    }

    /// The last 4 KiB of what a program has printed.
    private static func end(of log: String) -> String {
        let descriptor = open(log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(descriptor, &bytes, bytes.count, max(0, size - 4096))
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

extension Workplace {
    /// Where the programs of a task print to.
    func taskLog(_ name: String) -> String {
        let folder = (logs ?? self.folder) + "/tasks"
        mkdir(folder, 0o700)
        return "\(folder)/\(name.replacing("/", with: "_")).log"
    }
}

/// Threads of the tasks' own, so that a sweep through millions of files holds up nobody else.
private let taskPool = BlockingPool(threads: 2)

/// Runs what blocks on a thread that may.
func onThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws(Failure) -> Value
) async throws(Failure) -> Value {
    let result: Result<Value, Failure>
    do {
        result = try await taskPool.run { Result { () throws(Failure) in try work() } }
    } catch {
        throw Failure(.infraFailed, "No thread for blocking work: \(error).")
    }
    return try result.get()
}
