import CLinux
import Glibc
import Transport

/// Programs that a command starts.
enum ChildProcess {
    /// Starts the program at `path` with this process's environment and without its signal settings.
    ///
    /// - Parameters:
    ///   - path: The program's file.
    ///   - arguments: What follows its name.
    ///   - variables: Put in front of our own environment.
    ///   - input: Becomes the program's standard input.
    ///   - output: Becomes its standard output.
    ///   - errors: Becomes its standard error; `nil` for our own.
    ///   - passing: Becomes its descriptor 3.
    ///   - leadsSession: Whether it leaves our terminal and our process group.
    /// - Returns: Its process id; whoever starts it collects it.
    /// - Throws: ``SystemCallError``.
    static func start(
        _ path: String, _ arguments: [String], variables: [String: String] = [:], input: Int32, output: Int32,
        errors: Int32? = nil, passing: Int32? = nil, leadsSession: Bool = false
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        if let errors { posix_spawn_file_actions_adddup2(&actions, errors, 2) }
        if let passing { posix_spawn_file_actions_adddup2(&actions, passing, 3) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let setSession: Int16 = 0x80  // POSIX_SPAWN_SETSID, which Glibc's module does not show
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | (leadsSession ? setSession : 0))

        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var settings = variables.map { strdup("\($0.key)=\($0.value)") }
        var inherited = environ
        while let entry = inherited.pointee {
            settings.append(strdup(entry))
            inherited += 1
        }
        settings.append(nil)
        defer { (words + settings).forEach { free($0) } }
        var process = pid_t()
        let result = posix_spawn(&process, path, &actions, &attributes, &words, &settings)
        guard result == 0 else { throw SystemCallError("posix_spawn", path, errno: result) }
        return process
    }

    /// Waits until the child `process` has ended by itself, for `patience` at most; then ends and collects it. Blocks.
    static func end(_ process: pid_t, patience: Duration) {
        let descriptor = rock_pidfd_open(process)
        if descriptor >= 0 {
            var ended = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            while poll(&ended, 1, Int32(patience / .milliseconds(1))) < 0, errno == EINTR {}
            if ended.revents == 0 { rock_pidfd_send_signal(descriptor, SIGKILL) }
            close(descriptor)
        } else {
            kill(process, SIGKILL)  // ours and not collected yet, so the number is still its own
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }
}
