import Foundation
import Glibc
import Testing
import Transport

/// `clients/python`, installed by pip into a directory of its own.
struct InstalledPackage: Sendable {
    /// Holds `installed`, and whatever else a test puts there; removed afterwards.
    let directory: String

    /// Installs the package, hands it to `body`, and removes it whatever `body` does.
    ///
    /// - Throws: What `body` throws, or that it could not be installed.
    static func use(_ body: (InstalledPackage) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }  // Left-overs in /tmp are no failure of the test.
        // A copy, because building leaves files beside what is built.
        let source = directory.appendingPathComponent("source")
        try FileManager.default.copyItem(at: root.appendingPathComponent("clients/python"), to: source)
        let package = InstalledPackage(directory: directory.path)
        let installed = try await package.python([
            "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps",
            "--no-build-isolation", "--target", directory.path + "/installed", source.path,
        ])
        try #require(installed.status == 0, "\(installed.output)")
        try await body(package)
    }

    /// Runs the tests' Python in the package's root.
    ///
    /// - Returns: Its exit status, 128 and the number where a signal ended it, and all it wrote.
    func python(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        let environment = ProcessInfo.processInfo.environment
        let venv = environment["ROCK_TEST_VENV"] ?? Self.root.appendingPathComponent(".build/test-venv").path
        let variables = environment.merging(
            [
                "PYTHONPATH": directory + "/installed", "PYTHONDONTWRITEBYTECODE": "1",
                "ROCK_TEST_ROCKCTL": Self.products.appendingPathComponent("rockctl").path,
            ]) { $1 }
        // A file instead of a pipe: whoever else inherits it keeps nobody waiting.
        let output = directory + "/output-\(UUID().uuidString)"
        let process = try Self.start(
            venv + "/bin/python", arguments, variables: variables, output: output)
        let status: Int32 =
            switch try await Self.loop.exitStatus(ofChild: process) {
            case .exited(let status): status
            case .signalled(let signal): 128 + signal
            }
        return (status, String(decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self))
    }

    private static func start(
        _ program: String, _ arguments: [String], variables: [String: String], output: String
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
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

        // `env` changes into the root, which posix_spawn itself cannot do here.
        let words = ["/usr/bin/env", "--chdir", root.path, program] + arguments
        var argv = words.map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var process = pid_t()
        let result = posix_spawn(&process, words[0], &actions, &attributes, &argv, &envp)
        try #require(result == 0, "\(program): \(String(cString: strerror(result)))")
        return process
    }

    private static let loop: EventLoop = {
        do { return try EventLoop(name: "clients") } catch { fatalError("no event loop: \(error)") }
    }()

    /// The root of the repository: the folder above `Tests`.
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The folder that holds this test bundle, and so `rockctl` and `rocklet` of the same configuration.
    private static let products: URL = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).standardizedFileURL.deletingLastPathComponent()
    }()
}
