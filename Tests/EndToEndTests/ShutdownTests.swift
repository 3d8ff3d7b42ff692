import Foundation
import GEM
import Glibc
import Testing
import Transport

/// SIGTERM while clients are at work.
@Suite(.timeLimit(.minutes(2)), .serialized) struct ShutdownTests {
    @Test func finishesWhatIsInFlightAndLeavesNothing() async throws {
        var processes: Set<Int32> = []
        var mounts: [Substring] = []
        var folders: [String] = []
        var directory = ""
        let mountsBefore = try Self.mounts()
        try await RunningServer.run(configuration: "sandboxes: { warm_pool: 0 }") { server in
            directory = server.dataDirectory
            let (client, watcher) = (try Client(http: server), try Client(http: server))
            let known = try await server.makeKnown(4, over: client, ["env_id": "game:Sokoban-v0-easy"])
            for (sandbox, _) in known { _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 7]) }
            processes = try descendants(of: server.process)
            folders = try Self.cgroups(of: known[0].process)

            // One call is under way for sure: its sandbox stands still, and the other half of its batch is done.
            kill(known[0].process, SIGSTOP)
            let batch = known.prefix(2).enumerated().map { place, one in
                Client.request("step", ["sandbox_id": one.sandbox, "action": "\\boxed{up}"], id: place)
            }
            async let inFlight = client.exchange(.array(batch))
            while try await watcher.result("status", ["sandbox_id": known[1].sandbox])["episode"]?["steps"]?.int != 1 {}

            // Others call without a pause until the server goes: every answer they get is whole.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (sandbox, _) in known.dropFirst(2) {
                    group.addTask {
                        let player = try Client(http: server)
                        while true {
                            let answer: JSON
                            do {
                                answer = try await player.call("status", ["sandbox_id": sandbox])
                            } catch is ConnectionError {
                                return
                            }
                            #expect(answer["result"] != nil || answer.kind == "shutting_down", "\(answer)")
                        }
                    }
                }
                kill(server.process, SIGTERM)
                try await group.waitForAll()
            }
            kill(known[0].process, SIGCONT)
            let answers = try #require(try await inFlight.array)
            #expect(answers.count == 2 && answers.allSatisfy { $0["result"] != nil }, "\(answers)")
            mounts = try Self.mounts()
        }
        #expect(processes.count == 5 && processes.allSatisfy { kill($0, 0) != 0 }, "a process outlived its server")
        #expect(mounts == mountsBefore)
        for folder in folders {
            #expect(!FileManager.default.fileExists(atPath: folder), "\(folder) is left")
        }
        #expect(!FileManager.default.fileExists(atPath: directory + "/rpc.sock"))
    }

    /// The mounts that a server could have made; others come and go on a machine.
    private static func mounts() throws -> [Substring] {
        try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).split(separator: "\n")
            .filter { $0.contains("rock") }
    }

    /// The folders of a jail's cgroups that are the server's own, in every hierarchy.
    private static func cgroups(of process: Int32) throws -> [String] {
        let own = try String(contentsOfFile: "/proc/\(process)/cgroup", encoding: .utf8)
        let names = own.split(separator: "\n").compactMap { $0.split(separator: ":", maxSplits: 2).last }
            .filter { $0.contains("/rock-") }
        return try names.flatMap { name in
            try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).split(separator: "\n")
                .filter { $0.contains(" - cgroup") }
                .compactMap { $0.split(separator: " ").dropFirst(4).first.map { "\($0)\(name)" } }
        }.filter { FileManager.default.fileExists(atPath: $0) }
    }
}
