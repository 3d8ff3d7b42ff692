import GEM
import Testing

/// A request that is sent twice, because its client could not know whether it arrived, is carried out once.
@Suite(.timeLimit(.minutes(2))) struct RepeatTests {
    @Test func twoConnectionsThatRaceGetOneAnswer() async throws {
        try await RunningServer.run { server in
            let clients = [try Client(http: server), try await Client(line: server), try Client(http: server)]
            func askAll(_ method: String, _ params: JSON) async throws -> [JSON] {
                try await withThrowingTaskGroup(of: JSON.self) { group in
                    for client in clients { group.addTask { try await client.call(method, params) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
            var sandboxes: Set<String> = []
            let rounds = 40
            for round in 0..<rounds {
                let answers = try await askAll(
                    "make", ["env_id": "game:Sokoban-v0-easy", "request_id": .string("make-\(round)")])
                #expect(answers[0]["result"] != nil && answers.allSatisfy { $0 == answers[0] }, "\(answers)")
                sandboxes.insert(try #require(answers[0]["result"]?["sandbox_id"]?.string))
            }
            #expect(sandboxes.count == rounds)

            let sandbox = JSON.string(try #require(sandboxes.first))
            _ = try await clients[0].result("reset", ["sandbox_id": sandbox, "seed": 3])
            for turn in 1...15 {
                let answers = try await askAll(
                    "step",
                    ["sandbox_id": sandbox, "action": "\\boxed{left}", "request_id": .string("step-\(turn)")])
                #expect(answers[0]["result"] != nil && answers.allSatisfy { $0 == answers[0] }, "\(answers)")
                let status = try await clients[0].result("status", ["sandbox_id": sandbox])
                #expect(status["episode"]?["steps"]?.int == turn)
            }
        }
    }

    /// What failed had no effect, so its repeat is a new try; what was refused is refused again.
    @Test func aFailureIsNotRemembered() async throws {
        try await RunningServer.run { server in
            let client = try Client(http: server)
            let sandbox = try await client.make()
            let step: JSON = ["sandbox_id": sandbox, "action": "\\boxed{up}", "request_id": "once"]
            #expect(try await client.call("step", step).kind == "not_reset")
            _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 1])
            #expect(try await client.call("step", step)["result"] != nil)
        }
    }
}
