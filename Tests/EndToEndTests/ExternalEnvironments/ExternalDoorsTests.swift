import Foundation
import GEM
import Testing

/// What a skeleton makes is played through every door, and does all that a built-in environment does.
@Suite(.timeLimit(.minutes(3))) struct ExternalDoorsTests {
    @Test func theSkeletonInPythonPassesItsTestAndOpensEveryDoor() async throws {
        try await ExternalServer.withSkeleton("python") { folder in
            let tested = try await EndToEndTests.run("/usr/bin/env", ["-C", folder, "python3", "-m", "unittest"])
            #expect(tested.status == 0 && tested.errors.contains("Ran 3 tests"), "\(tested.errors)")
            try await ExternalServer.run([]) { external in
                let url = external.server.url
                let registered = try await EndToEndTests.run(
                    Products.rockctl, ["env", "register", folder + "/environment.yml", "--url", url])
                #expect(registered.status == 0 && registered.output == "my:Corridor-v0\n", "\(registered)")
                let listed = try await EndToEndTests.run(Products.rockctl, ["env", "list", "--url", url])
                #expect(listed.output.contains("my:Corridor-v0"))
                try await plays(external.client)
                try await playsThroughOtherDoors(external.server)
            }
        }
    }

    @Test func theSkeletonInSwiftIsPlayed() async throws {
        try await ExternalServer.withSkeleton("swift") { folder in
            let swift = ProcessInfo.processInfo.environment["SWIFT"] ?? "swift"
            let built = try await EndToEndTests.run(
                "/usr/bin/env",
                [
                    "-C", folder, swift, "build", "--disable-sandbox", "--static-swift-stdlib", "--scratch-path",
                    folder + "/build",
                ])
            try #require(built.status == 0, "\(built.output)\(built.errors)")
            let path = folder + "/environment.yml"
            let manifest = try String(contentsOfFile: path, encoding: .utf8)
            try manifest.replacing(".build/release", with: "build/debug").write(
                toFile: path, atomically: true, encoding: .utf8)
            try await ExternalServer.run([]) { external in
                let registered = try await EndToEndTests.run(
                    Products.rockctl, ["env", "register", path, "--url", external.server.url])
                try #require(registered.status == 0, "\(registered)")
                try await plays(external.client)
            }
        }
    }

    /// One environment and several, saved, restored and forked.
    private func plays(_ client: Client) async throws {
        let id: JSON = "my:Corridor-v0"
        let right: JSON = "\\boxed{right}"
        let sandbox = try await client.make(["env_id": id, "kwargs": ["length": 30]])
        let begun = try await client.result("reset", ["sandbox_id": sandbox, "seed": 7])
        #expect(try await client.result("reset", ["sandbox_id": sandbox, "seed": 7]) == begun)
        let state = try #require(try await client.result("save", ["sandbox_id": sandbox])["state"])
        let forks = try await client.result("fork", ["sandbox_id": sandbox, "count": 2])["sandbox_ids"]?.array ?? []
        let step: JSON.Object = ["action": right, "request_id": "one"]
        var turns: [JSON] = []
        for place in [sandbox] + forks + [sandbox] {
            var params = step
            params["sandbox_id"] = place
            turns.append(try await client.result("step", .object(params)))
        }
        // The forks go on alike, and the repeat is answered from memory.
        #expect(turns.count == 4 && Set(turns.map { "\($0)" }).count == 1)
        _ = try await client.result("restore", ["sandbox_id": sandbox, "state": state])
        #expect(try await client.result("step", ["sandbox_id": sandbox, "action": right]) == turns[0])
        for (state, kind) in [("garbage", "invalid_state"), ("UlMBAA==", "invalid_state")] {
            let params: JSON = ["sandbox_id": sandbox, "state": .string(state)]
            #expect(try await client.call("restore", params).kind == kind)
        }
        _ = try await client.result("sample_action", ["sandbox_id": sandbox])

        // 64 environments of one program: the same seeds show the same, an index steps one alone.
        let many = try await client.make(["env_id": id, "num_envs": 64, "kwargs": ["length": 3]])
        let first = try await client.result("reset", ["sandbox_id": many, "seed": 1])
        #expect(first["observation"]?.array?.count == 64)
        let one = try await client.make(["env_id": id, "kwargs": ["length": 3]])
        let alone = try await client.result("reset", ["sandbox_id": one, "seed": 64])
        #expect(alone["observation"] == first["observation"]?[63])
        let stepped = try await client.result("step", ["sandbox_id": many, "actions": ["5": right]])
        #expect(stepped["reward"]?.array?.count == 1)
        // An episode of length 3 is over after two turns; the third begins the next.
        let actions = JSON.array(Array(repeating: right, count: 64))
        for turn in 1...3 {
            let all = try await client.result("step", ["sandbox_id": many, "actions": actions])
            #expect(all["observation"]?.array?.count == 64, "turn \(turn)")
        }
        let status = try await client.result("status", ["sandbox_id": many])
        #expect(status["episode"]?["episodes"]?.array?.allSatisfy { $0.int ?? 0 >= 2 } == true)
        for (params, kind) in [
            (["sandbox_id": many, "actions": [right]], "invalid_params"),
            (["sandbox_id": many, "action": right], "invalid_params"),
            (["sandbox_id": one, "action": 7], "invalid_action"),
        ] as [(JSON, String)] { #expect(try await client.call("step", params).kind == kind, "\(params)") }
        #expect(try await client.call("make", ["env_id": id, "num_envs": 257]).kind == "invalid_params")
        #expect(try await client.call("make", ["env_id": id, "kwargs": ["length": 1]]).kind == "invalid_argument")
        for sandbox in [sandbox, many, one] + forks { _ = try await client.result("close", ["sandbox_id": sandbox]) }
    }

    /// ROCK's paths and package, OpenEnv's paths.
    private func playsThroughOtherDoors(_ server: RunningServer) async throws {
        let script = """
            import json, rock
            env = rock.make("my:Corridor-v0")
            observation, info = env.reset(seed=3)
            turn = env.step("\\\\boxed{right}")
            env.close()
            print(json.dumps([observation, list(turn)]))
            """
        let played = try await EndToEndTests.run(
            Products.python, ["-c", script], environment: ["ROCK_BASE_URL": server.url])
        #expect(played.status == 0 && played.output.contains("A"), "\(played.errors)")
        for (path, body) in [("reset", ["seed": 3]), ("step", ["action": ["action": "\\boxed{right}"]])]
            as [(String, [String: Any])]
        {
            let answer = try await server.post("/openenv/my:Corridor-v0/\(path)", body)
            #expect(answer.status == 200 && answer.body.contains("boxed"), "\(path): \(answer.body)")
        }
    }
}
