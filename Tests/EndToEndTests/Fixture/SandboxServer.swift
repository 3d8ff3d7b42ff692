import Foundation
import Glibc
import Testing

/// What runs the sandboxes of a test.
enum SandboxRuntime: String, CaseIterable, CustomTestStringConvertible {
    case jail, docker

    var testDescription: String { rawValue }
}

/// A real server whose sandboxes run in one of the two ways, with the image `python:3.11` and a registry beside it.
struct SandboxServer: Sendable {
    static let user = "trainer"
    static let password = "p+ss/w?rd"

    let server: RunningServer
    let runtime: SandboxRuntime
    /// Where the registry listens that lets in ``user``.
    let registry: String

    /// Starts everything, hands it to `body`, ends every sandbox that `body` left, and looks for what else was left.
    static func run<T>(_ runtime: SandboxRuntime, body: (SandboxServer) async throws -> T) async throws -> T {
        try await Place.use(runtime) { try await $0.serve(body: body) }
    }

    /// A data directory, with the registry and the engine that servers on it use, one after the other.
    struct Place: Sendable {
        let runtime: SandboxRuntime
        let directory: String
        let registry: String
        fileprivate let setting: String

        /// Hands a place with the image `python:3.11` to `body` and removes it.
        static func use<T>(_ runtime: SandboxRuntime, body: (Place) async throws -> T) async throws -> T {
            let files = FileManager.default
            let directory = files.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)").path
            try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
            // Left-overs in /tmp are no failure of the test.
            defer { try? files.removeItem(atPath: directory) }
            let build = Products.package.appendingPathComponent(".build").path
            return try await FixtureScript.use("run-test-registry", [directory + "/registry", user, password]) {
                registry in
                switch runtime {
                case .jail:
                    let tar = build + "/test-images/python-3.11.tar"
                    let image = try await EndToEndTests.run(
                        Products.rockctl, ["image", "import", "--data-dir", directory, tar, "python:3.11"])
                    try #require(image.status == 0, "\(image.errors)")
                    let setting = "images: { insecure: ['\(registry)'] }"
                    return try await body(
                        Place(runtime: runtime, directory: directory, registry: registry, setting: setting))
                case .docker:
                    return try await FixtureScript.use("run-test-podman", [build + "/test-podman", registry]) {
                        socket in
                        let setting = "docker_socket: '\(socket)'"
                        return try await body(
                            Place(runtime: runtime, directory: directory, registry: registry, setting: setting))
                    }
                }
            }
        }

        /// Runs a server here.
        ///
        /// - Parameters:
        ///   - signal: Ends it. `SIGKILL` leaves the sandboxes to the next one; otherwise all are removed first.
        ///   - keeps: Whether the sandboxes stay in any case.
        ///   - body: Uses it.
        /// - Returns: What `body` returns.
        /// - Throws: What `body` throws, or that the server did not start.
        func serve<T>(
            endingBy signal: Int32 = SIGTERM, keeps: Bool = false, body: (SandboxServer) async throws -> T
        ) async throws -> T {
            let name = runtime.rawValue
            return try await RunningServer.run(
                [Products.rockctl], directory: directory,
                configuration: "runtime: { drivers: [\(name)], default: \(name), \(setting) }\n", endingBy: signal
            ) { server in
                let sandboxes = SandboxServer(server: server, runtime: runtime, registry: registry)
                let result: Result<T, any Error>
                do { result = .success(try await body(sandboxes)) } catch { result = .failure(error) }
                if !keeps && signal != SIGKILL { try await sandboxes.removeAll() }
                return try result.get()
            }
        }
    }

    /// Starts a small sandbox and returns its id.
    func start(_ more: [String: Any] = [:]) async throws -> String {
        let body: [String: Any] = ["image": "python:3.11", "memory": "256m", "cpus": 0.5, "pull": "never"]
        let answer = try await post("start", body.merging(more) { $1 })
        return try #require(answer.result?["sandbox_id"] as? String, "\(answer.body)")
    }

    /// Runs a command in a session and returns its output.
    func run(_ command: String, in session: String, of id: String) async throws -> String {
        let answer = try await post(
            "run_in_session", ["sandbox_id": id, "session": session, "command": command, "timeout": 40])
        return try #require(answer.result?["output"] as? String, "\(answer.body)")
    }

    /// Runs shell text as a program and returns what it writes.
    func shell(_ text: String, in id: String) async throws -> String {
        let body: [String: Any] = ["sandbox_id": id, "command": ["sh", "-c", text], "timeout": 40]
        let answer = try await post("execute", body)
        return try #require(answer.result?["stdout"] as? String, "\(answer.body)")
    }

    /// Posts to the interface for sandboxes.
    func post(_ path: String, _ body: [String: Any]) async throws -> Answer {
        try await server.post("/apis/envs/sandbox/v1/" + path, body)
    }

    /// Asks the interface for sandboxes.
    func get(_ path: String) async throws -> Answer {
        try await server.curl([], "/apis/envs/sandbox/v1/" + path)
    }

    /// The ids of all sandboxes in `state`.
    func sandboxes(in state: String) async throws -> [String] {
        let answer = try await get("sandboxes?state=\(state)&page_size=2000")
        let items = try #require(answer.result?["items"] as? [[String: Any]], "\(answer.body.prefix(500))")
        return items.compactMap { $0["sandbox_id"] as? String }
    }

    private func removeAll() async throws {
        for state in ["pending", "running"] {
            for id in try await sandboxes(in: state) { _ = try await post("stop", ["sandbox_id": id]) }
        }
        let stopped = try await sandboxes(in: "stopped")
        for id in stopped { _ = try await post("delete", ["sandbox_id": id]) }
        #expect(try leftOvers() == [])
    }

    /// What is left of sandboxes that are gone: their folders, mounts, loop devices, cgroups and processes.
    func leftOvers() throws -> [String] {
        let files = FileManager.default
        let folder = server.dataDirectory + "/sandboxes"
        // A server that started none has no folder.
        var left = ((try? files.contentsOfDirectory(atPath: folder)) ?? []).map { "folder \($0)" }
        let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        left += mounts.split(separator: "\n").filter { $0.contains(folder) }.map { "mount \($0)" }
        for device in try files.contentsOfDirectory(atPath: "/sys/block") where device.hasPrefix("loop") {
            // Only a device in use has a file behind it.
            let file = (try? String(contentsOfFile: "/sys/block/\(device)/loop/backing_file", encoding: .utf8)) ?? ""
            if file.contains(server.dataDirectory) { left.append("\(device) of \(file)") }
        }
        for process in try descendants(of: server.process) {
            // One may end while we look.
            let words = (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)) ?? ""
            if words.split(separator: "\0").dropFirst().first == "serve" { left.append("process \(process): \(words)") }
        }
        return left.sorted()
    }
}
