import Foundation
import Testing

/// What a client sees over `POST /rpc`, with curl as the client.
@Suite(.timeLimit(.minutes(2))) struct JSONRPCTests {
    private static let sokoban = "game:Sokoban-v0-easy"

    @Test func playsAnEpisodeFromMakeToClose() async throws {
        try await RunningServer.run { server in
            let made = try await server.call("make", ["env_id": Self.sokoban])
            let sandbox = try #require(made.result?["sandbox_id"] as? String, "\(made.body)")
            let spec = try #require(made.result?["spec"] as? [String: Any])
            #expect(spec["id"] as? String == Self.sokoban && spec["max_turns"] as? Int == 20)
            #expect(made.result?["isolation"] is [String: Any])

            let tooEarly = try await server.call("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
            #expect(tooEarly.kind == "not_reset")

            let first = try await server.call("reset", ["sandbox_id": sandbox, "seed": 42])
            let observation = try #require(first.result?["observation"] as? String)
            #expect(observation.contains("# # # # # #"))
            #expect((first.result?["info"] as? [String: Any])?.isEmpty == true)

            var last: Answer?
            for turn in 1...20 {
                let step = try await server.call("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
                #expect(step.result?["terminated"] as? Bool == (turn == 20), "turn \(turn): \(step.body)")
                last = step
            }
            #expect(last?.result?["truncated"] as? Bool == true)
            #expect(try await server.call("step", ["sandbox_id": sandbox, "action": "x"]).kind == "episode_ended")

            let drawn = try await server.call("render", ["sandbox_id": sandbox, "mode": "text"])
            #expect((drawn.result?["text"] as? String)?.contains("P") == true)
            let status = try await server.call("status", ["sandbox_id": sandbox])
            #expect(status.result?["state"] as? String == "running")

            #expect(try await server.call("close", ["sandbox_id": sandbox]).result?["sandbox_id"] as? String == sandbox)
            #expect(try await server.call("close", ["sandbox_id": sandbox]).kind == "sandbox_closed")
        }
    }

    @Test func sayingTheSameThingTwiceDoesItOnce() async throws {
        try await RunningServer.run { server in
            let first = try await server.call("make", ["env_id": Self.sokoban, "request_id": "make-1"])
            let again = try await server.call("make", ["env_id": Self.sokoban, "request_id": "make-1"])
            #expect(first.body == again.body)
            let sandbox = try #require(first.result?["sandbox_id"] as? String)
            _ = try await server.call("reset", ["sandbox_id": sandbox, "seed": 1])
            let params = ["sandbox_id": sandbox, "action": "\\boxed{up}", "request_id": "step-1"]
            let step = try await server.call("step", params)
            #expect(try await server.call("step", params).body == step.body)
            let status = try await server.call("status", ["sandbox_id": sandbox])
            #expect((status.result?["episode"] as? [String: Any])?["steps"] as? Int == 1, "\(status.body)")
        }
    }

    @Test func namesWhatIsWrong() async throws {
        try await RunningServer.run { server in
            let sandbox = try #require(
                try await server.call("make", ["env_id": Self.sokoban]).result?["sandbox_id"] as? String)
            let cases: [(String, [String: Any], String, String)] = [
                ("make", ["env_id": "game:Sokobam-v0-easy"], "unknown_environment", "game:Sokoban-v0-easy"),
                ("make", [:], "invalid_params", "env_id"),
                ("make", ["env_id": Self.sokoban, "kwargs": ["dim_rom": 3]], "invalid_argument", "dim_room"),
                ("make", ["env_id": Self.sokoban, "kwargs": ["num_boxes": "two"]], "invalid_argument", "num_boxes"),
                ("make", ["env_id": Self.sokoban, "lease": "forever"], "invalid_params", "lease"),
                ("reset", ["sandbox_id": sandbox, "seed": -1], "invalid_seed", "4294967295"),
                ("reset", ["sandbox_id": sandbox, "seed": true], "invalid_seed", "seed"),
                ("reset", ["sandbox_id": "nobody"], "unknown_sandbox", "nobody"),
                ("step", ["sandbox_id": sandbox, "action": 7], "invalid_action", "string"),
                ("render", ["sandbox_id": sandbox, "mode": "oil"], "invalid_params", "mode"),
                ("stepp", [:], "method_not_found", "stepp"),
            ]
            for (method, params, kind, mention) in cases {
                let answer = try await server.call(method, params)
                #expect(answer.kind == kind && answer.body.contains(mention), "\(method) \(params): \(answer.body)")
            }
        }
    }

    @Test func speaksJSONRPCToTheLetter() async throws {
        try await RunningServer.run { server in
            func post(_ body: String) async throws -> Answer {
                try await server.curl(["--data-binary", "@-"], "/rpc", input: Data(body.utf8))
            }
            #expect(try await post("{").body.contains("-32700"))
            #expect(try await post("[]").body.contains("-32600"))
            #expect(try await post(#"{"jsonrpc":"2.0","method":"list"}"#).status == 204)
            #expect(try await post(#"[{"jsonrpc":"2.0","method":"list"}]"#).status == 204)
            #expect(try await post(#"{"jsonrpc":"1.0","id":3,"method":"list"}"#).body.contains(#""id":3"#))
            #expect(
                try await post(#"{"jsonrpc":"2.0","id":"a","method":"list","params":[]}"#).body.contains(#""id":"a""#))

            let sandbox = try #require(
                try await server.call("make", ["env_id": Self.sokoban]).result?["sandbox_id"] as? String)
            // A batch for one sandbox is carried out in the order given; positional params; a pretty-printed message.
            let batch = """
                [ {"jsonrpc":"2.0", "id":1, "method":"reset", "params":["\(sandbox)",\n 5]},
                  {"jsonrpc":"2.0", "id":2, "method":"step", "params":["\(sandbox)", "\\\\boxed{up}"]},
                  {"jsonrpc":"2.0", "method":"step", "params":["\(sandbox)", "\\\\boxed{down}"]},
                  {"jsonrpc":"2.0", "id":3, "method":"status", "params":{"sandbox_id":"\(sandbox)"}},
                  7 ]
                """
            let answers = try #require(
                try JSONSerialization.jsonObject(with: Data(try await post(batch).body.utf8)) as? [[String: Any]])
            #expect(answers.count == 4)
            let status = answers.first { $0["id"] as? Int == 3 }?["result"] as? [String: Any]
            #expect((status?["episode"] as? [String: Any])?["steps"] as? Int == 2)
        }
    }
}
