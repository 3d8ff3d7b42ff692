import Foundation
import Testing

/// Real clients against the real server.
@Suite(.timeLimit(.minutes(5))) struct ClientTests {
    /// The package that ROCK's users have, unmodified.
    @Test func theRockSDKPlaysSokoban() async throws {
        try await RunningServer.run { server in
            let played = try await EndToEndTests.run(
                Products.python, [Products.client("sokoban_rl_rock.py")], environment: ["ROCK_BASE_URL": server.url])
            #expect(played.status == 0, "\(played.errors)")
            let lastLine = try #require(played.output.split(separator: "\n").last)
            let report = try #require(
                try JSONSerialization.jsonObject(with: Data(lastLine.utf8)) as? [String: Any])
            let steps = try #require(report["steps"] as? [[String: Any]])
            #expect((1...20).contains(steps.count) && steps.last?["terminated"] as? Bool == true)
            // Old clients find the board in info.suffix, beside an observation that is complete in itself.
            let suffix = try #require((report["info"] as? [String: Any])?["suffix"] as? String)
            #expect(suffix.contains("# # # # # #") && (report["observation"] as? String)?.hasSuffix(suffix) == true)
        }
    }

    @Test func aWebSocketCarriesManyEnvironmentsAndTheirLease() async throws {
        try await RunningServer.run { server in
            let address = server.url.replacing("http://", with: "ws://") + "/rpc"
            let played = try await EndToEndTests.run(
                Products.python, [Products.client("websocket_client.py"), address])
            #expect(played.status == 0, "\(played.errors)")
            let report = try #require(
                try JSONSerialization.jsonObject(with: Data(played.output.utf8)) as? [String: Any])
            let garbage = try #require((report["garbage"] as? [String: Any])?["error"] as? [String: Any])
            #expect(garbage["code"] as? Int == -32700)
            let sandboxes = try #require(report["played"] as? [[Any]]).compactMap { $0.first as? String }
            #expect(sandboxes.count == 20)
            // The lease ended with the connection; a close that comes too late may still be told it was first.
            for sandbox in sandboxes {
                let status = try await server.call("close", ["sandbox_id": sandbox])
                #expect(status.kind == "sandbox_closed", "\(status.body)")
            }
        }
    }

    @Test func aUnixSocketCarriesOneMessagePerLine() async throws {
        try await RunningServer.run { server in
            let mode = try FileManager.default.attributesOfItem(atPath: server.rpcSocket)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let list = #"{"jsonrpc":"2.0","id":1,"method":"list"}"#
            let answered = try await EndToEndTests.run(
                "/usr/bin/curl",
                [
                    "--silent", "--max-time", "5", "--no-buffer", "telnet://localhost", "--unix-socket",
                    server.rpcSocket,
                ],
                input: "nonsense\n" + list + "\n")
            let lines = answered.output.split(separator: "\n")
            #expect(lines.count == 2 && lines.contains { $0.contains("-32700") }, "\(answered.output.prefix(300))")
            #expect(lines.contains { $0.contains("game:Sokoban-v0-easy") })
        }
    }

    /// OpenEnv's client, unmodified, over its WebSocket; and its paths over plain HTTP.
    @Test func theOpenEnvClientPlaysSokoban() async throws {
        try await RunningServer.run { server in
            let played = try await EndToEndTests.run(
                Products.python, [Products.client("openenv_client.py"), server.url])
            #expect(played.status == 0, "\(played.errors)")
            let lastLine = try #require(played.output.split(separator: "\n").last)
            let report = try #require(try JSONSerialization.jsonObject(with: Data(lastLine.utf8)) as? [String: Any])
            #expect(report["alike"] as? Bool == true && report["sandboxes"] as? Int == 8, "\(lastLine)")
            #expect((report["first"] as? String)?.contains("# # # # # #") == true)
            #expect(report["rewards"] as? [Double] == [Double](repeating: 0, count: 12) + [1])
            #expect(report["done"] as? [Bool] == [Bool](repeating: false, count: 12) + [true])
            let state = try #require(report["state"] as? [String: Any])
            #expect(state["step_count"] as? Int == 13 && state["episode_id"] as? String == "one")
            let errors = try #require(report["errors"] as? [String])
            #expect(
                errors.count == 3 && errors[0].contains("EXECUTION_ERROR") && errors[1].contains("VALIDATION_ERROR"))
            #expect(report["http_alike"] as? Bool == true, "\(lastLine)")
            #expect(report["health"] as? [String: String] == ["status": "healthy"])
            #expect(report["schema"] as? [String] == ["action", "observation", "state"])
            #expect(report["statuses"] as? [Int] == [405, 400, 400, 400, 404, 404, 409])
        }
    }

    /// Every golden episode of every game, over HTTP, in sandboxes.
    @Test(arguments: [
        ("gem-traces.jsonl.gz", "game:", "", 1110),
        // Release 0.1.0 of GEM makes its fifteen puzzles by shuffling.
        ("gem-traces-fifteen-pypi-0.1.0.jsonl.gz", "game:FifteenPuzzle", #"init_algo="shuffle""#, 45),
    ]) func goldenEpisodesReplayExactly(_ file: String, _ prefix: String, _ kwarg: String, _ count: Int) async throws {
        let traces = Products.package.appendingPathComponent("Tests/EnvsTests/Fixtures/\(file)").path
        try await RunningServer.run { server in
            let replayed = try await EndToEndTests.run(
                Products.python,
                [Products.client("replay_traces.py"), server.url, traces, prefix] + (kwarg.isEmpty ? [] : [kwarg]))
            #expect(replayed.status == 0, "\(replayed.output)\(replayed.errors)")
            #expect(replayed.output.hasPrefix("\(count) episodes"), "\(replayed.output)")
        }
    }
}
