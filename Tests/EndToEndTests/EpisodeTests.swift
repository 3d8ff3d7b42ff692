import Foundation
import GEM
import Testing

/// Episodes that a real server records, played again by `rockctl replay`.
@Suite(.timeLimit(.minutes(3))) struct EpisodeTests {
    /// A data directory in which a server has recorded all that `play` played, gone when the test ends.
    private final class Recorded: Sendable {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)").path
        var file: String { directory + "/all.jsonl" }

        init(
            _ configuration: String = "episodes: { record: true }", endingBy signal: Int32 = SIGTERM,
            play: (Client, RunningServer) async throws -> Void
        ) async throws {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try await RunningServer.run(
                [Products.rockctl], directory: directory, configuration: configuration, endingBy: signal
            ) { try await play(try Client(http: $0), $0) }
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        func rockctl(_ arguments: String...) async throws -> Finished {
            try await run(Products.rockctl, arguments + ["--data-dir", directory])
        }

        /// Exports everything and verifies it: what is said then.
        func verified() async throws -> String {
            let export = try await rockctl("episodes", "export", "-o", file)
            #expect(export.status == 0, "\(export)")
            let verify = try await rockctl("replay", file, "--verify")
            #expect(verify.status == 0, "\(verify)")
            return verify.output
        }
    }

    @Test func everyEnvironmentPlaysAsRecorded() async throws {
        var count = 0
        let recorded = try await Recorded { client, _ in
            let specs = try #require(try await client.result("list", [:])["environments"]?.array)
            count = specs.count
            for spec in specs {
                let sandbox = try await client.make(["env_id": spec["id"] ?? .null])
                // With a seed, then with what the stream gives behind it; sampled actions move the stream.
                for (seed, length) in [(JSON.number(.init(7)), 4), (.null, 2)] {
                    _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": seed])
                    for turn in 0..<length {
                        let sample = try await client.result("sample_action", ["sandbox_id": sandbox])
                        let action = turn == 1 ? "\\boxed{up}" : sample["action"] ?? ""
                        let step = try await client.result("step", ["sandbox_id": sandbox, "action": action])
                        if step["terminated"] == true || step["truncated"] == true { break }
                    }
                }
                _ = try await client.result("close", ["sandbox_id": sandbox])
            }
        }
        #expect(try await recorded.verified() == "\(count * 2) episodes as recorded\n")
    }

    /// Every way in which a stream goes on: vectors that reset themselves, no seeds at all, forks, states, part of a vector.
    @Test(arguments: ["next_step", "same_step", "disabled"]) func everyStreamIsFollowed(autoreset: String) async throws
    {
        let recorded = try await Recorded { client, _ in
            let making: JSON = [
                "env_id": "rock:FrozenLake-v0", "kwargs": ["max_turns": 3], "num_envs": 3,
                "autoreset": .string(autoreset),
            ]
            func play(_ sandbox: JSON, _ count: Int) async throws {
                for turn in 0..<count {
                    if turn % 2 == 1 {
                        _ = try await client.result("sample_action", ["sandbox_id": sandbox, "indices": [1]])
                    }
                    let moves: JSON = ["\\boxed{down}", "\\boxed{right}", turn == 4 ? "?" : "\\boxed{up}"]
                    let answer = try await client.call("step", ["sandbox_id": sandbox, "actions": moves])
                    if answer.kind == "episode_ended" {
                        _ = try await client.result("reset", ["sandbox_id": sandbox, "indices": [2, 0, 1]])
                    }
                }
            }
            let one = try await client.make(making)
            _ = try await client.result("reset", ["sandbox_id": one, "indices": [1]])
            _ = try await client.result("reset", ["sandbox_id": one])
            try await play(one, 9)
            let forks = try await client.result("fork", ["sandbox_id": one, "count": 2])
            try await play(try #require(forks["sandbox_ids"]?[0]), 7)
            let state = try #require(try await client.result("save", ["sandbox_id": one])["state"])
            try await play(one, 5)
            _ = try await client.result("restore", ["sandbox_id": one, "state": state])
            try await play(one, 8)
            _ = try await client.result("reset", ["sandbox_id": one, "indices": [0], "seed": 3])
            try await play(one, 2)
            let other = try #require(forks["sandbox_ids"]?[1])
            if autoreset == "disabled" { _ = try await client.result("reset", ["sandbox_id": other]) }
            try await play(other, 4)
            _ = try await client.result("close", ["sandbox_id": other])
        }
        // Nothing is left out, and what belongs together is found together.
        let sum = try await recorded.verified()
        let lines = try String(contentsOfFile: recorded.file, encoding: .utf8).split(separator: "\n")
        #expect(sum == "\(lines.count) episodes as recorded\n" && lines.count > 12)
        let last = try #require(lines.last.flatMap { try? JSON(parsing: String($0))["id"]?.int })
        let single = try await recorded.rockctl("replay", "\(last)", "--verify", "--json")
        #expect(single.status == 0 && single.output.contains(#""same":1,"#), "\(single)")
    }

    /// Plays a game of which each step pays, so that everything in a line can be changed.
    @Test func whatWasChangedIsFoundAtItsStep() async throws {
        let recorded = try await Recorded { client, _ in
            let sandbox = try await client.make(["env_id": "game:Sudoku-v0-easy"])
            for seed in [3, 4] {
                _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": .number(.init(seed))])
                for _ in 0..<5 {
                    let sample = try await client.result("sample_action", ["sandbox_id": sandbox])
                    _ = try await client.result(
                        "step", ["sandbox_id": sandbox, "action": try #require(sample["action"])])
                }
            }
        }
        _ = try await recorded.verified()
        let file = recorded.file
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let line = try JSON(parsing: String(text.split(separator: "\n")[1]))
        let steps = try #require(line["steps"]?.array)
        func changed(_ member: String, _ value: JSON, step: Int) throws -> String {
            var (object, steps) = (try #require(line.object), steps)
            var one = try #require(steps[step - 1].object)
            one[member] = value
            steps[step - 1] = .object(one)
            object["steps"] = .array(steps)
            return String(decoding: JSON.object(object).serialized, as: UTF8.self)
        }
        var object = try #require(line.object)
        object["start"] = ["seed": 5]
        let cases: [(line: String, says: String)] = [
            (try changed("reward", JSON(parsing: "0.75"), step: 3), "step 3: the reward"),
            (try changed("action", "never said", step: 4), "step 4: the reward"),
            (try changed("terminated", true, step: 2), "step 2: terminated"),
            (try changed("truncated", true, step: 5), "step 5: truncated"),
            (
                try changed("observation", steps[0]["hash"] ?? "", step: 2), "step 2: the observation's digest"
            ),
            (try changed("hash", steps[0]["hash"] ?? "", step: 3), "step 3: the running hash"),
            (String(decoding: JSON.object(object).serialized, as: UTF8.self), "at its beginning: the observation"),
        ]
        for (line, says) in cases {
            let lines = text.split(separator: "\n")[0] + "\n" + line + "\n"
            try Data(lines.utf8).write(to: URL(fileURLWithPath: file))
            let verify = try await recorded.rockctl("replay", file, "--verify")
            #expect(
                verify.status == 1 && verify.output.hasPrefix("episode 2, \(says)")
                    && verify.output.hasSuffix("\n1 episode as recorded, 1 different\n"), "\(verify)")
            let adding = try await recorded.rockctl("episodes", "import", file)
            // A wrong seed and a wrong action contradict nothing but the game.
            let isSound = says.hasPrefix("at") || line.contains("never said")
            #expect(adding.status == (isSound ? 0 : 1), "\(adding)")
        }
    }

    @Test func aKilledServerLeavesWhatWasPlayed() async throws {
        let recorded = try await Recorded("", endingBy: SIGKILL) { client, server in
            let unrecorded = try await client.make()
            _ = try await client.result("reset", ["sandbox_id": unrecorded, "seed": 1])
            let sandbox = try await client.make(
                ["env_id": "game:Sokoban-v0-easy", "kwargs": ["max_turns": 1_000_000_000], "record": true])
            _ = try await client.result("reset", ["sandbox_id": sandbox])
            // Nobody who plays hears of what is written, so it is played until some of it is.
            while try await !server.curl([], "/metrics").body.contains("\nrock_episode_steps_recorded_total ") {
                _ = try await client.result("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
            }
        }
        // Where no server runs any more, and behind the next one, which knows that nobody plays on.
        for ending in ["running", "cut"] {
            let list = try await recorded.rockctl("episodes", "list")
            #expect(list.status == 0 && list.output.contains(" \(ending) ") && !list.output.contains("\n2 "), "\(list)")
            let verify = try await recorded.rockctl("replay", "1", "--verify")
            #expect(verify.status == 0 && verify.output == "1 episode as recorded\n", "\(verify)")
            try await RunningServer.run(
                [Products.rockctl], directory: recorded.directory, configuration: ""
            ) { _ in }
        }
    }

    /// Whoever looks on sees the boards, turn by turn, as fast as they want.
    @Test func anEpisodeIsShown() async throws {
        let recorded = try await Recorded { client, _ in
            let sandbox = try await client.make(["env_id": "game:TowerofHanoi-v0-easy"])
            _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 3])
            for action in ["\\boxed{A C}", "\\boxed{A B}", "never mind"] as [JSON] {
                _ = try await client.result("step", ["sandbox_id": sandbox, "action": action])
            }
        }
        let shown = try await recorded.rockctl("replay", "1", "--speed", "1000")
        #expect(
            shown.status == 0 && shown.output.contains("turn 2  reward 0  \\boxed{A B}\n")
                && shown.output.hasSuffix("episode 1  terminated after 3 turns, return -0.1, seed 3\n"), "\(shown)")
        let objects = try await recorded.rockctl("replay", "1", "--json").output.split(separator: "\n")
            .map { try JSON(parsing: String($0)) }
        #expect(
            objects.map { $0["event"]?.string } == ["reset", "step", "step", "step", "episode", "summary"])
        #expect(objects[2]["observation"]?.string?.contains("B: [2]") == true, "\(objects[2])")
        let stepwise = try await run(
            Products.rockctl, ["replay", "1", "--step", "--data-dir", recorded.directory], input: "\n")
        #expect(stepwise.status == 0 && stepwise.output.contains("turn 1 "), "\(stepwise)")
        #expect(!stepwise.output.contains("turn 2 "))
        for (arguments, status, says) in [
            (["replay", "2"], 4, "there is no episode 2"), (["replay", "none.jsonl"], 4, "none.jsonl"),
            (["replay", "1", "--verify", "--step"], 2, "--verify shows nothing"),
            (["episodes", "prune"], 2, "nothing says which episodes"),
            (["episodes", "list", "--since", "yesterday"], 2, "2026-01-31"),
            (["episodes", "prune", "--all"], 0, "1 episode removed"), (["episodes", "show", "1"], 4, "no episode 1"),
        ] as [([String], Int32, String)] {
            let finished = try await run(Products.rockctl, arguments + ["--data-dir", recorded.directory])
            #expect(
                finished.status == status && (finished.output + finished.errors).contains(says),
                "\(arguments): \(finished)")
        }
    }
}
