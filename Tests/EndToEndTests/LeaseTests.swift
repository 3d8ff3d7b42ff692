import GEM
import Testing

/// Who holds a lease loses the environment with the connection, and nobody else does.
@Suite(.timeLimit(.minutes(2))) struct LeaseTests {
    enum Door: CaseIterable, Sendable { case http, line }

    private func connect(_ door: Door, _ server: RunningServer) async throws -> Client {
        switch door {
        case .http: try Client(http: server)
        case .line: try await Client(line: server)
        }
    }

    @Test(arguments: Door.allCases) func endsWithItsConnection(_ door: Door) async throws {
        try await RunningServer.run { server in
            let watcher = try Client(http: server)
            let bystander = try await watcher.make(["env_id": "game:Sokoban-v0-easy", "lease": "connection"])
            var leased: [JSON] = []
            var kept: JSON = nil
            do {
                let holder = try await connect(door, server)
                for _ in 0..<5 {
                    leased.append(try await holder.make(["env_id": "game:Sokoban-v0-easy", "lease": "connection"]))
                }
                kept = try await holder.make()
                _ = try await holder.result("reset", ["sandbox_id": leased[0], "seed": 1])
                // Anybody may use it meanwhile.
                _ = try await watcher.result("step", ["sandbox_id": leased[0], "action": "\\boxed{up}"])
                _ = try await holder.result("close", ["sandbox_id": leased[4]])
                holder.close()
            }
            for (place, sandbox) in leased.enumerated() {
                var answer = try await watcher.call("status", ["sandbox_id": sandbox])
                // Every question gives the server a turn; the suite's time limit is the deadline.
                while answer.kind == nil { answer = try await watcher.call("status", ["sandbox_id": sandbox]) }
                let reason = place == 4 ? "a client closed it" : "the connection that held its lease closed"
                #expect(answer.kind == "sandbox_closed")
                #expect(answer["error"]?["message"]?.string?.contains(reason) == true, "\(answer)")
            }
            for sandbox in [kept, bystander] { _ = try await watcher.result("status", ["sandbox_id": sandbox]) }
        }
    }
}
