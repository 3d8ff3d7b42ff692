import CLinux
import Glibc
import Testing
import Transport

/// What a finished program left.
struct Finished: Sendable {
    /// The exit status, or 128 and the signal's number, as a shell says it.
    let status: Int32
    let output: String
    let errors: String
}

/// A program with pipes at its three streams. Nothing of the test runner reaches it but what is given here: a stray
/// descriptor in a second program would keep the first one's pipes open.
struct StartedProgram: Sendable {
    let process: Int32
    /// Its standard input; close it to say that nothing more comes.
    let input: Pipe.End
    let output: Pipe.End
    let errors: Pipe.End

    /// - Parameters:
    ///   - path: The program.
    ///   - arguments: Its arguments.
    ///   - environment: Variables on top of this process's own.
    /// - Throws: That it could not be started.
    init(_ path: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let (stdin, stdout, stderr) = (try Pipe(), try Pipe(), try Pipe())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, end) in [stdin.reader, stdout.writer, stderr.writer].enumerated() {
            posix_spawn_file_actions_adddup2(&actions, end.descriptor, Int32(target))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The runner's threads may block or ignore signals; a program starts with none of that.
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = Self.variables.merging(environment) { $1 }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + variables).forEach { free($0) } }
        var process = pid_t()
        let result = posix_spawn(&process, path, &actions, &attributes, &words, &variables)
        try #require(result == 0, "\(path): \(String(cString: strerror(result)))")
        self.process = process
        for end in [stdin.reader, stdout.writer, stderr.writer] { end.close() }
        (input, output, errors) = (stdin.writer, stdout.reader, stderr.reader)
    }

    /// Waits for its end and collects it.
    ///
    /// - Returns: The exit status, or 128 and the signal's number.
    func end() async throws -> Int32 {
        switch try await testLoop.exitStatus(ofChild: process) {
        case .exited(let status): status
        case .signalled(let signal): 128 + signal
        }
    }

    private static var variables: [String: String] {
        var found: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                found[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return found
    }
}

/// Runs `program` to its end.
///
/// - Parameters:
///   - program: Its path.
///   - arguments: Its arguments.
///   - input: What it reads on standard input.
///   - environment: Variables on top of this process's own.
/// - Returns: Its exit status and all it wrote.
/// - Throws: That it could not be started.
func run(
    _ program: String, _ arguments: [String] = [], input: String = "", environment: [String: String] = [:]
) async throws -> Finished {
    let started = try StartedProgram(program, arguments, environment: environment)
    async let output = started.output.readToEnd()
    async let errors = started.errors.readToEnd()
    async let written: Void = started.input.writeAndClose(input)
    let status = try await started.end()
    await written
    return Finished(status: status, output: await output, errors: await errors)
}

/// The loop that waits for children and carries the tests' own connections.
let testLoop: EventLoop = {
    do { return try EventLoop(name: "tests") } catch { fatalError("no event loop: \(error)") }
}()
