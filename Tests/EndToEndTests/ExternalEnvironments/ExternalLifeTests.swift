import CLinux
import Foundation
import GEM
import Glibc
import Testing

/// External environments come and go as built-in ones do.
@Suite(.timeLimit(.minutes(3))) struct ExternalLifeTests {
    @Test func isRegisteredListedReplacedAndForgotten() async throws {
        try await ExternalServer.run([ExternalServer.hostile("summary: first")]) { external in
            let client = external.client
            let ids = { () async throws -> [String: String] in
                let list = try await client.result("list", [:])["environments"]?.array ?? []
                return Dictionary(
                    uniqueKeysWithValues: list.map { ($0["id"]?.string ?? "", $0["summary"]?.string ?? "") })
            }
            #expect(try await ids()["test:Hostile-v0"] == "first")
            let live = try await client.make(["env_id": "test:Hostile-v0"])
            try await external.register(ExternalServer.hostile("summary: second\nenv: {SECRET: hidden}"))
            #expect(try await ids()["test:Hostile-v0"] == "second")
            let shown = try await client.result("env.registered", [:])
            #expect(shown["environments"]?[0]?["variables"] == ["SECRET"] && !"\(shown)".contains("hidden"))
            let wrong: [(String, String)] = [
                ("env_id: game:Sokoban-v0-easy\ncommand: [x]", "conflict"), ("env_id: x", "invalid_argument"),
                (ExternalServer.hostile("runtime: jial"), "invalid_argument"),
                (ExternalServer.hostile("mounts: [/no/such:/x]"), "invalid_argument"),
            ]
            for (manifest, kind) in wrong {
                let answer = try await client.call("env.register", ["manifest": .string(manifest), "folder": "/tmp"])
                #expect(answer.kind == kind, "\(manifest): \(answer)")
            }
            _ = try await client.result("env.unregister", ["env_id": "test:Hostile-v0"])
            #expect(try await ids()["test:Hostile-v0"] == nil)
            #expect(try await client.call("make", ["env_id": "test:Hostile-v0"]).kind == "unknown_environment")
            #expect(try await client.call("env.unregister", ["env_id": "test:Hostile-v0"]).kind == "not_found")
            // What was made goes on, over a fault of its program too.
            _ = try await client.result("reset", ["sandbox_id": live])
            _ = try await client.call("step", ["sandbox_id": live, "action": "exit_zero"])
            _ = try await client.result("reset", ["sandbox_id": live])
        }
    }

    @Test func aKilledServerLeavesNoProgramAndTheNextNoSandbox() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Left-overs in /tmp are no failure of the test.
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let run = { (signal: Int32, body: (ExternalServer) async throws -> [Int32]) in
            try await RunningServer.run(
                [Products.rockctl], directory: directory, configuration: ExternalServer.configuration, endingBy: signal
            ) { server in try await body(ExternalServer(server: server, client: try Client(http: server))) }
        }
        let programs = try await run(SIGKILL) { external in
            try await external.register(ExternalServer.hostile())
            for _ in 0..<2 {
                let sandbox = try await external.client.make(["env_id": "test:Hostile-v0"])
                _ = try await external.client.result("reset", ["sandbox_id": sandbox])
            }
            return try descendants(of: external.server.process).filter { process in
                let line = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
                return line?.contains("hostile_environment.py") == true
            }.map { rock_pidfd_open($0) }
        }
        #expect(programs.count == 2 && programs.allSatisfy { $0 >= 0 })
        for program in programs {
            let ended = await onThread {
                var wanted = pollfd(fd: program, events: Int16(POLLIN), revents: 0)
                defer { close(program) }
                return poll(&wanted, 1, 20_000)
            }
            #expect(ended == 1)
        }
        _ = try await run(SIGTERM) { external in
            #expect(try external.sandboxes() == [])
            // Manifests stay.
            _ = try await external.client.make(["env_id": "test:Hostile-v0"])
            return []
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory + "/sandboxes").filter { $0 != "jail" } == [])
    }

    @Test func countsAgainstWhatSandboxesMayHave() async throws {
        let configuration = "runtime: { drivers: [jail], maximum: 2 }\n"
        try await ExternalServer.run([ExternalServer.hostile()], configuration: configuration) { external in
            let client = external.client
            let first = try await client.make(["env_id": "test:Hostile-v0", "lease": "connection"])
            let second = try await client.make(["env_id": "test:Hostile-v0", "idle_timeout": 1])
            #expect(try await client.call("make", ["env_id": "test:Hostile-v0"]).kind == "overloaded")
            _ = try await client.result("make", ["env_id": "rock:Bandit-v0"])
            // Who is closed for being unused makes room; asking for the log is no use.
            var answer = try await client.call("env.logs", ["sandbox_id": second])
            while answer.kind == nil { answer = try await client.call("env.logs", ["sandbox_id": second]) }
            #expect(answer.kind == "sandbox_closed")
            let request: JSON = ["env_id": "test:Hostile-v0", "request_id": "again"]
            var made = try await client.call("make", request)
            while made.kind == "overloaded" { made = try await client.call("make", request) }
            #expect(made["result"]?["sandbox_id"] != nil)
            #expect(try await client.call("make", request)["result"]?["sandbox_id"] == made["result"]?["sandbox_id"])
            _ = try await client.result("close", ["sandbox_id": first])
            _ = try await client.make(["env_id": "test:Hostile-v0"])
        }
    }
}
