import CLinux
import Foundation
import GEM
import Glibc
import Testing
import Transport

/// Carries the tests' connections and waits for their children.
let testLoop: EventLoop = {
    do { return try EventLoop(name: "tests") } catch { fatalError("no event loop: \(error)") }
}()

/// A real `rocklet serve` with a folder of its own.
final class RunningRocklet: Sendable {
    let folder: String
    let process: Int32
    let client: HTTPClient
    var address: SocketAddress { .unix(path: folder + "/agent.sock") }

    /// The folder that holds this test bundle, and so the `rocklet` of the same configuration.
    static let program: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).standardizedFileURL.deletingLastPathComponent()
            .appendingPathComponent("rocklet").path
    }()

    private init(folder: String, process: Int32) {
        self.folder = folder
        self.process = process
        client = HTTPClient(.unix(path: folder + "/agent.sock"), on: testLoop)
    }

    /// Starts one, hands it to `body`, and ends it whatever `body` does.
    ///
    /// - Parameters:
    ///   - launcher: Words in front of the program's.
    ///   - options: Words behind them.
    ///   - body: Uses it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or that it did not start.
    @discardableResult
    static func run<Value>(
        launcher: [String] = [], options: [String] = [], _ body: (RunningRocklet) async throws -> Value
    ) async throws -> Value {
        let folder = "/tmp/rocklet-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // What is left in /tmp fails no test.
        let words = launcher + [program, "serve", "--folder", folder] + options
        let (process, log) = try start(words)
        let rocklet = RunningRocklet(folder: folder, process: process)
        let result: Result<Value, any Error>
        do {
            try #require(await log.contains("rocklet serves"), "it did not start")
            result = .success(try await body(rocklet))
        } catch {
            result = .failure(error)
        }
        kill(launcher.isEmpty ? process : try child(of: process), SIGTERM)
        let status = try await testLoop.exitStatus(ofChild: process)
        if case .success = result { #expect(status == .exited(0), "its end after SIGTERM") }
        return try result.get()
    }

    /// The process that a launcher waits for; launchers take no signals.
    private static func child(of launcher: Int32) throws -> Int32 {
        let children = try String(contentsOfFile: "/proc/\(launcher)/task/\(launcher)/children", encoding: .utf8)
        return try #require(children.split(separator: " ").first.flatMap { Int32($0) })
    }

    /// Starts a program whose standard error can be waited for, and who inherits nothing else.
    private static func start(_ words: [String]) throws -> (Int32, Log) {
        var ends: [Int32] = [-1, -1]
        try #require(rock_pipe(&ends, 0) == 0)
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        // A home without start-up files: what a test's machine has in its own is no part of the test.
        let image = ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "MARK=of the image"]
        var variables: [UnsafeMutablePointer<CChar>?] = image.map { strdup($0) } + [nil]
        defer { for pointer in arguments + variables { free(pointer) } }
        var process = pid_t()
        let result = posix_spawnp(&process, words[0], &actions, &attributes, &arguments, &variables)
        try #require(result == 0, "\(words[0]): \(String(cString: strerror(result)))")
        return (process, Log(ends[0]))
    }

    // MARK: Calls

    /// What a call answered.
    struct Answer: Sendable {
        let status: Int
        let body: JSON

        subscript(name: String) -> JSON? { body[name] }
        /// The class and message of a failure.
        var failure: (kind: String, message: String)? {
            guard let failure = body["rockletexception"], let path = failure["class_path"]?.string,
                let message = failure["message"]?.string
            else { return nil }
            return (String(path.split(separator: ".").last ?? ""), message)
        }
    }

    func get(_ path: String) async throws -> Answer { try await call("GET", path, []) }

    func post(_ path: String, _ body: JSON = [:]) async throws -> Answer {
        try await call("POST", path, body.serialized)
    }

    private func call(_ method: String, _ path: String, _ body: [UInt8]) async throws -> Answer {
        let response = try await client.send(HTTPClientRequest(method, path, body: body))
        let json = response.body.isEmpty ? JSON.null : try JSON(parsing: response.body.span)
        return Answer(status: Int(response.status.rawValue), body: json)
    }

    /// Runs a command in a session, `silent` unless `more` says otherwise.
    func run(_ command: String, in session: String = "default", _ more: JSON.Object = [:]) async throws -> Answer {
        var body: JSON.Object = ["command": .string(command), "session": .string(session), "check": "silent"]
        for (name, value) in more.members { body[name] = value }
        return try await post("/run_in_session", .object(body))
    }

    /// Opens a WebSocket.
    func socket(_ target: String) async throws -> WebSocket {
        try await WebSocket.connect(to: address, target: target, on: testLoop)
    }
}

/// What a program writes to its standard error.
final class Log: Sendable {
    private let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    /// Waits until `text` is there; `false` when the program ends before. The rest is read and dropped by nobody: it is short.
    func contains(_ text: String) async -> Bool {
        let descriptor = descriptor
        // A pool that cannot start a thread fails the test, which is what it should do.
        return
            (try? await BlockingPool.run {
                var said = ""
                var bytes = [UInt8](repeating: 0, count: 4096)
                while !said.contains(text) {
                    let count = read(descriptor, &bytes, bytes.count)
                    guard count > 0 else { return false }
                    said += String(decoding: bytes.prefix(count), as: UTF8.self)
                }
                return true
            }) ?? false
    }
}
