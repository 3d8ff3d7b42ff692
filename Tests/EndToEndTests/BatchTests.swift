import GEM
import Glibc
import Testing

/// A batch runs side by side over its sandboxes, and in order within each.
@Suite(.timeLimit(.minutes(2))) struct BatchTests {
    @Test func aSandboxThatStandsStillHoldsUpNoOther() async throws {
        try await RunningServer.run(configuration: "sandboxes: { warm_pool: 0 }") { server in
            let (client, watcher) = (try Client(http: server), try Client(http: server))
            let known = try await server.makeKnown(3, over: client, ["env_id": "game:Sokoban-v0-easy"])
            for (sandbox, _) in known { _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 7]) }

            kill(known[0].process, SIGSTOP)
            let batch = known.enumerated().flatMap { place, one in
                (0..<3).map { turn in
                    Client.request("step", ["sandbox_id": one.sandbox, "action": "\\boxed{up}"], id: 3 * place + turn)
                }
            }
            async let answers = client.exchange(.array(batch))
            for (sandbox, _) in known.dropFirst() {
                while try await watcher.result("status", ["sandbox_id": sandbox])["episode"]?["steps"]?.int != 3 {}
            }
            kill(known[0].process, SIGCONT)
            let all = try #require(try await answers.array)
            #expect(all.compactMap { $0["id"]?.int } == Array(0..<9) && all.allSatisfy { $0["result"] != nil })
        }
    }

    @Test func callsForOneSandboxKeepTheirOrder() async throws {
        try await RunningServer.run { server in
            let client = try Client(http: server)
            let sandboxes = [try await client.make(), try await client.make(), try await client.make()]
            var batch: [JSON] = []
            var expected: [Int?] = []
            for sandbox in sandboxes { batch.append(Client.request("reset", ["sandbox_id": sandbox], id: batch.count)) }
            expected += [nil, nil, nil]
            for turn in 1...18 {
                for sandbox in sandboxes {
                    batch.append(
                        Client.request(
                            "step", ["sandbox_id": sandbox, "action": "\\boxed{down}"], id: batch.count))
                    batch.append(Client.request("status", ["sandbox_id": sandbox], id: batch.count))
                    expected += [nil, turn]
                }
            }
            let answers = try #require(try await client.exchange(.array(batch)).array)
            #expect(answers.count == batch.count)
            #expect(answers.map { $0["result"]?["episode"]?["steps"]?.int } == expected)
        }
    }
    /// Closing waits for what was asked before it in the same message.
    @Test func aCloseOvertakesNothing() async throws {
        try await RunningServer.run { server in
            let client = try Client(http: server)
            for _ in 0..<20 {
                let sandbox = try await client.make()
                let calls = ["reset", "step", "step", "close"].enumerated().map { place, method in
                    var params: JSON.Object = ["sandbox_id": sandbox]
                    if method == "step" { params["action"] = "\\boxed{down}" }
                    return Client.request(method, .object(params), id: place)
                }
                let answers = try #require(try await client.exchange(.array(calls)).array)
                #expect(answers.count == 4 && answers.allSatisfy { $0["result"] != nil }, "\(answers)")
            }
        }
    }
}
