import Foundation
import Testing

/// State as a value, through the real server and its sandboxes.
@Suite(.timeLimit(.minutes(2))) struct ForkTests {
    private static let sokoban = "game:Sokoban-v0-hard"

    /// Makes an environment and plays two turns of it.
    private func begun(_ server: RunningServer, _ more: [String: Any] = [:]) async throws -> String {
        let made = try await server.call("make", ["env_id": Self.sokoban].merging(more) { $1 })
        let sandbox = try #require(made.result?["sandbox_id"] as? String, "\(made.body)")
        _ = try await server.call("reset", ["sandbox_id": sandbox, "seed": 3])
        for action in ["\\boxed{left}", "\\boxed{up}"] {
            _ = try await server.call("step", ["sandbox_id": sandbox, "action": action])
        }
        return sandbox
    }

    /// What the next moves of a random policy show, whose draws come from the environment's own stream.
    private func future(_ server: RunningServer, _ sandbox: String) async throws -> [String] {
        var shown: [String] = []
        for _ in 0..<5 {
            let sample = try await server.call("sample_action", ["sandbox_id": sandbox])
            let action = try #require(sample.result?["action"] as? String, "\(sample.body)")
            let step = try await server.call("step", ["sandbox_id": sandbox, "action": action])
            shown.append(action + (try #require(step.result?["observation"] as? String, "\(step.body)")))
        }
        return shown
    }

    @Test func aSavedStateGoesOnInAnotherSandbox() async throws {
        try await RunningServer.run { server in
            let one = try await begun(server)
            let state = try #require(
                try await server.call("save", ["sandbox_id": one]).result?["state"] as? String)
            let other = try await begun(server)
            _ = try await future(server, other)
            let restored = try await server.call("restore", ["sandbox_id": other, "state": state])
            #expect(restored.result?["turn"] as? Int == 2, "\(restored.body)")
            let expected = try await future(server, one)
            #expect(try await future(server, other) == expected)

            let cases: [([String: Any], String)] = [
                (["sandbox_id": other], "invalid_params"),
                (["sandbox_id": other, "state": "UlMB"], "invalid_state"),
                (["sandbox_id": other, "state": String(state.dropLast(4))], "invalid_state"),
                (["sandbox_id": "nobody", "state": state], "unknown_sandbox"),
            ]
            for (params, kind) in cases { #expect(try await server.call("restore", params).kind == kind) }
            #expect(try await server.call("step", ["sandbox_id": other, "action": "\\boxed{up}"]).result != nil)
        }
    }

    @Test func forksGoOnEachOnItsOwn() async throws {
        try await RunningServer.run { server in
            let original = try await begun(server)
            let params: [String: Any] = ["sandbox_id": original, "count": 5, "request_id": "fork-1"]
            let answer = try await server.call("fork", params)
            let forks = try #require(answer.result?["sandbox_ids"] as? [String], "\(answer.body)")
            #expect(Set(forks + [original]).count == 6)
            #expect(try await server.call("fork", params).body == answer.body)

            // One goes another way, one is closed; neither matters to the others.
            _ = try await server.call("step", ["sandbox_id": forks[0], "action": "?"])
            _ = try await server.call("close", ["sandbox_id": forks[1]])
            let expected = try await future(server, original)
            for fork in forks[2...] { #expect(try await future(server, fork) == expected) }
            #expect(try await server.call("step", ["sandbox_id": forks[0], "action": "x"]).kind == "episode_ended")

            let ofFork = try await server.call("fork", ["sandbox_id": forks[0]])
            let grandchild = try #require((ofFork.result?["sandbox_ids"] as? [String])?.first, "\(ofFork.body)")
            #expect(try await server.call("step", ["sandbox_id": grandchild, "action": "x"]).kind == "episode_ended")
            for count in [0, 257] {
                let refused = try await server.call("fork", ["sandbox_id": original, "count": count])
                #expect(refused.kind == "invalid_params")
            }
            #expect(try await server.call("fork", ["sandbox_id": forks[1]]).kind == "sandbox_closed")
        }
    }

    /// A vector is forked as a whole, and a fork can be reset by seed like anything that was made.
    @Test func aVectorIsForked() async throws {
        try await RunningServer.run { server in
            let original = try await begun(server, ["num_envs": 4])
            _ = try await server.call("reset", ["sandbox_id": original, "seed": 1])
            let answer = try await server.call("fork", ["sandbox_id": original, "count": 2])
            let forks = try #require(answer.result?["sandbox_ids"] as? [String], "\(answer.body)")
            let actions = (0..<4).map { _ in "\\boxed{up}" }
            let expected = try await server.call("step", ["sandbox_id": original, "actions": actions]).body
            for fork in forks {
                #expect(try await server.call("step", ["sandbox_id": fork, "actions": actions]).body == expected)
            }
        }
    }

    /// Where not all can be made none is left.
    @Test func aForkIsAllOrNothing() async throws {
        try await RunningServer.run(configuration: "sandboxes:\n  maximum: 6\n") { server in
            let original = try await begun(server)
            #expect(try await server.call("fork", ["sandbox_id": original, "count": 8]).kind == "overloaded")
            let answer = try await server.call("fork", ["sandbox_id": original, "count": 5])
            #expect((answer.result?["sandbox_ids"] as? [String])?.count == 5, "\(answer.body)")
        }
    }
}
