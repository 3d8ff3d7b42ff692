import CLinux
import GEM
import Glibc
import Transport

/// A program of the system's that is run for its effect.
enum Program {
    /// Runs it to its end, with nothing to read and nothing kept of what it prints.
    ///
    /// - Parameters:
    ///   - path: The executable.
    ///   - arguments: Without its name.
    ///   - loop: Where its end is waited for.
    /// - Returns: How it ended.
    /// - Throws: ``Failure`` `infraFailed` where it cannot be started.
    static func run(_ path: String, _ arguments: [String], on loop: EventLoop) async throws(Failure) -> ChildStatus {
        let process = try spawn(path, arguments)
        do {
            return try await loop.exitStatus(ofChild: process)
        } catch {
            throw Failure(.infraFailed, "\(path) cannot be waited for: \(error).")
        }
    }

    static func spawn(_ path: String, _ arguments: [String]) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nil]
        defer { free(environment[0]) }
        var process: pid_t = 0
        let error = posix_spawn(&process, path, &actions, nil, &words, &environment)
        guard error == 0 else {
            throw Failure(.infraFailed, "\(path) could not be started: \(KernelFile.reason(error)).")
        }
        return process
    }
}

/// Threads of the drivers' own: removing a big tree does not hold up the rest of the server.
private let driverPool = BlockingPool(threads: 8)

/// Runs `work` on a thread that may wait.
///
/// - Parameter work: What blocks.
/// - Returns: What `work` returns.
/// - Throws: What `work` throws; ``Failure`` `infraFailed` when no thread can be had.
func blocking<Value: Sendable>(
    _ work: @escaping @Sendable () throws(Failure) -> Value
) async throws(Failure) -> Value {
    let result: Result<Value, Failure>
    do {
        result = try await driverPool.run { Result { () throws(Failure) in try work() } }
    } catch {
        throw Failure(.infraFailed, "No thread for blocking work: \(error).")
    }
    return try result.get()
}
