import Foundation
import GEM
import Testing

/// What a server holds stays the same, however many environments have come and gone.
@Suite(.timeLimit(.minutes(5)), .serialized) struct LeakTests {
    private struct Holdings: Equatable {
        let descriptors: Int
        let processes: Int
        let cgroups: Int

        init(of server: RunningServer) throws {
            descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.process)/fd").count
            let all = try descendants(of: server.process)
            processes = all.count
            // One folder for each jail that runs, and no more: read where any of them says it is.
            cgroups =
                Set(
                    all.compactMap { try? String(contentsOfFile: "/proc/\($0)/cgroup", encoding: .utf8) }
                ).count
        }
    }

    private static func residentKilobytes(of server: RunningServer) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(server.process)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.filter(\.isNumber)))
    }

    /// Makes, plays and closes over four connections at once.
    private static func churn(_ server: RunningServer, makes: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    let client = try Client(http: server)
                    for round in 0..<makes / 4 {
                        let sandbox = try await client.make([
                            "env_id": "game:GuessTheNumber-v0-hard", "kwargs": ["max_turns": 1000],
                            "lease": round % 2 == 0 ? "idle" : "connection",
                        ])
                        let batch =
                            [Client.request("reset", ["sandbox_id": sandbox, "seed": 1], id: worker)]
                            + (0..<10).map {
                                Client.request("step", ["sandbox_id": sandbox, "action": "\\boxed{51}"], id: $0)
                            }
                        let answers = try await client.exchange(.array(batch)).array ?? []
                        #expect(answers.count == 11 && answers.allSatisfy { $0["result"] != nil })
                        _ = try await client.result("close", ["sandbox_id": sandbox])
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func thousandsOfEnvironmentsLeaveNothing() async throws {
        try await RunningServer.run(configuration: "sandboxes: { warm_pool: 0 }") { server in
            try await Self.churn(server, makes: 400)
            let watcher = try Client(http: server)
            _ = try await watcher.call("list", [:])
            let before = try Holdings(of: server)
            let memory = try Self.residentKilobytes(of: server)
            try await Self.churn(server, makes: 2000)
            // The last connections and jails end in their own time; every question gives the server a turn.
            while try Holdings(of: server) != before { _ = try await watcher.call("list", [:]) }
            let grown = try Self.residentKilobytes(of: server) - memory
            #expect(grown < 5 * 1024, "\(grown) KiB more than after warm-up")
        }
    }
}
