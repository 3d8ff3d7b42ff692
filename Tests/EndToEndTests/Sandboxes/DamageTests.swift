import Foundation
import Glibc
import Testing

/// A disk that is full or read-only, and files that were damaged: each is named, with what to do, and what can be served is.
@Suite(.timeLimit(.minutes(3)), .serialized) struct DamageTests {
    /// A data directory on a file system of its own, small enough to be filled.
    private struct Disk {
        let directory: String

        static func use<T>(body: (Disk) async throws -> T) async throws -> T {
            let files = FileManager.default
            let directory = files.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)").path
            try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? files.removeItem(atPath: directory) }  // Left-overs in /tmp are no failure of the test.
            try await command("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", directory)
            let result: Result<T, any Error>
            do { result = .success(try await body(Disk(directory: directory))) } catch { result = .failure(error) }
            try await command("umount", "--recursive", directory)
            return try result.get()
        }

        static func command(_ words: String...) async throws {
            let done = try await EndToEndTests.run("/usr/bin/\(words[0])", Array(words.dropFirst()))
            try #require(done.status == 0, "\(words): \(done.errors)")
        }

        func empty() throws { try FileManager.default.removeItem(atPath: directory + "/filling") }

        /// Writes as much as fits, which is all there is room for.
        func fillUp() {
            let file = open(directory + "/filling", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            defer { close(file) }
            let block = [UInt8](repeating: 1, count: 4096)
            while write(file, block, block.count) == block.count {}
        }

        func serve<T>(endingBy signal: Int32 = SIGTERM, body: (RunningServer) async throws -> T) async throws -> T {
            try await RunningServer.run(
                [Products.rockctl], directory: directory, configuration: "runtime: { drivers: [jail] }\n",
                endingBy: signal, body: body)
        }
    }

    private static let interface = "/apis/envs/sandbox/v1/"

    private static func start(_ id: String, on server: RunningServer) async throws -> Answer {
        try await server.post(
            interface + "start", ["sandbox_id": id, "image": "host", "memory": "256m", "cpus": 0.5])
    }

    private static func state(_ id: String, on server: RunningServer) async throws -> String? {
        try await server.curl([], interface + "get_status?sandbox_id=\(id)&include_all_states=true")
            .result?["state"] as? String
    }

    /// Plays a step, which needs no disk.
    private static func play(on server: RunningServer) async throws {
        let made = try await server.call("make", ["env_id": "game:Sokoban-v0-easy"])
        let id = try #require(made.result?["sandbox_id"] as? String, "\(made.body)")
        #expect(try await server.call("reset", ["sandbox_id": id, "seed": 42]).result != nil)
        #expect(try await server.call("close", ["sandbox_id": id]).result != nil)
    }

    private static func echo(in id: String, on server: RunningServer) async throws -> String? {
        try await server.post(interface + "execute", ["sandbox_id": id, "command": ["echo", "on"]])
            .result?["stdout"] as? String
    }

    @Test func aFullDiskRefusesStartsAndNothingElse() async throws {
        try await Disk.use { disk in
            try await disk.serve { server in
                #expect(try await Self.start("one", on: server).result?["state"] as? String == "running")
                disk.fillUp()
                let refused = try await Self.start("two", on: server)
                #expect(
                    refused.body.contains("registry.db") && refused.body.contains("free some space"), "\(refused.body)")
                #expect(try await Self.state("one", on: server) == "running")
                #expect(try await Self.echo(in: "one", on: server) == "on\n")
                try await Self.play(on: server)
            }
            // A server on a disk that is full already looks at what there is.
            try await disk.serve { server in
                try await Self.play(on: server)
                #expect(try await Self.start("two", on: server).body.contains("registry.db"))
            }
            try disk.empty()
            try await disk.serve { server in
                #expect(try await Self.state("one", on: server) == "running")
                _ = try await server.post(Self.interface + "stop", ["sandbox_id": "one"])
                _ = try await server.post(Self.interface + "delete", ["sandbox_id": "one"])
                #expect(try await Self.state("one", on: server) == "deleted")
            }
        }
    }

    @Test func aReadOnlyRegistryIsLookedAt() async throws {
        try await Disk.use { disk in
            let registry = disk.directory + "/registry.db"
            try await disk.serve { server in
                _ = try await Self.start("one", on: server)
                _ = try await server.post(Self.interface + "stop", ["sandbox_id": "one"])
            }
            try await Disk.command("mount", "--bind", registry, registry)
            try await Disk.command("mount", "-o", "remount,bind,ro", registry)
            try await disk.serve { server in
                #expect(try await Self.state("one", on: server) == "stopped")
                let refused = try await Self.start("two", on: server)
                #expect(refused.body.contains("registry.db was opened for reading only"), "\(refused.body)")
                try await Self.play(on: server)
            }
            try await Disk.command("umount", registry)
            // Where nothing at all can be written there are no sockets, and no server.
            try await Disk.command("mount", "-o", "remount,ro", disk.directory)
            let failed = try await EndToEndTests.run(
                Products.rockctl, ["admin", "start", "--port", "0", "--data-dir", disk.directory])
            #expect(failed.status != 0)
            #expect(failed.errors.contains("\(disk.directory)/run cannot be used: Read-only file system."))
            try await Disk.command("mount", "-o", "remount,rw", disk.directory)
            try await disk.serve { server in
                _ = try await server.post(Self.interface + "delete", ["sandbox_id": "one"])
                #expect(try await Self.state("one", on: server) == "deleted")
            }
        }
    }

    @Test func damagedFilesAreNamedAndHarmNothingElse() async throws {
        try await Disk.use { disk in
            let files = FileManager.default
            let registry = disk.directory + "/registry.db"
            try await disk.serve(endingBy: SIGKILL) { server in
                for id in ["one", "two"] { _ = try await Self.start(id, on: server) }
            }
            let parts = ["", "-wal", "-shm"].filter { files.fileExists(atPath: registry + $0) }
            for part in parts { try files.moveItem(atPath: registry + part, toPath: registry + ".whole" + part) }
            try Data((0..<20_000).map { _ in UInt8.random(in: 1...255) }).write(to: URL(fileURLWithPath: registry))
            try await disk.serve(endingBy: SIGKILL) { server in
                let refused = try await Self.start("three", on: server)
                #expect(
                    refused.body.contains("registry.db") && refused.body.contains("restore a backup"), "\(refused.body)"
                )
                try await Self.play(on: server)
            }
            for part in ["", "-wal", "-shm"] { try? files.removeItem(atPath: registry + part) }
            for part in parts { try files.moveItem(atPath: registry + ".whole" + part, toPath: registry + part) }
            // What runs was left alone meanwhile. One whose own file is damaged cannot be found again: it is ended.
            try Data("{\"version\":".utf8).write(to: URL(fileURLWithPath: disk.directory + "/sandboxes/two/state.json"))
            try await disk.serve { server in
                #expect(try await Self.state("one", on: server) == "running")
                #expect(try await Self.echo(in: "one", on: server) == "on\n")
                #expect(try await Self.state("two", on: server) == "stopped")
                for id in ["one", "two"] {
                    _ = try await server.post(Self.interface + "stop", ["sandbox_id": id])
                    _ = try await server.post(Self.interface + "delete", ["sandbox_id": id])
                    #expect(try await Self.state(id, on: server) == "deleted")
                }
                let left = try SandboxServer(server: server, runtime: .jail, registry: "").leftOvers()
                #expect(left == [], "\(left)")
            }
        }
    }
}
