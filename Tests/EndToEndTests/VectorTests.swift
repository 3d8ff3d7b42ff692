import GEM
import Testing

/// N environments in one sandbox do what N sandboxes with one environment each do.
@Suite(.timeLimit(.minutes(3))) struct VectorTests {
    private static let count = 8

    /// What is played: words to choose moves from, and for how many rounds.
    struct Play: Sendable {
        let id: String
        let words: [String]
        var rounds = 30

        static let all = [
            Play(id: "game:GuessTheNumber-v0-easy", words: (1...10).map(String.init) + ["x"]),
            Play(id: "game:Mastermind-v0-easy", words: ["1 2", "3 4", "5 6", "1 6", "2 5", "six"]),
            Play(id: "game:Game2048-v0-easy", words: ["up", "down", "left", "right"]),
            // Within one episode: its next board comes from the operating system when no seed is given.
            Play(id: "game:Sokoban-v0-easy", words: ["up", "down", "left", "right"], rounds: 15),
        ]
    }

    enum Autoreset: String, CaseIterable, Sendable {
        case nextStep = "next_step"
        case sameStep = "same_step"
        case disabled
    }

    @Test(arguments: Autoreset.allCases) func equalsSingleEnvironments(_ autoreset: Autoreset) async throws {
        try await RunningServer.run { server in
            let client = try Client(http: server)
            for play in Play.all {
                let vector = try await client.make([
                    "env_id": .string(play.id), "num_envs": .number(.init(Self.count)),
                    "autoreset": .string(autoreset.rawValue),
                ])
                let first = try await client.result("reset", ["sandbox_id": vector, "seed": 100])
                var singles: [Single] = []
                for index in 0..<Self.count {
                    singles.append(Single(sandbox: try await client.make(["env_id": .string(play.id)])))
                    let own = try await client.result(
                        "reset", ["sandbox_id": singles[index].sandbox, "seed": .number(.init(100 + index))])
                    #expect(first["observation"]?[index] == own["observation"], "\(play.id) environment \(index)")
                }
                var random = MersenneTwister(seed: 5)
                for round in 0..<play.rounds {
                    let actions = singles.map { _ in JSON.string("\\boxed{\(random.pick(play.words))}") }
                    let got = try await step(vector, autoreset, actions, singles, over: client)
                    var expected: [Turn] = []
                    let isRunning = autoreset != .disabled || singles.contains { !$0.hasEnded }
                    for index in singles.indices where autoreset != .disabled || !singles[index].hasEnded || !isRunning
                    {
                        expected.append(try await singles[index].turn(actions[index], autoreset, over: client))
                    }
                    let wrong = expected.indices.filter { got.dropFirst($0).first != expected[$0] }
                    #expect(got.count == expected.count && wrong.isEmpty, "\(play.id) round \(round): \(wrong)")
                }
            }
        }
    }

    /// Plays one round of the vector. Without autoreset only those are stepped whose episode runs, and all are reset when
    /// none does.
    private func step(
        _ vector: JSON, _ autoreset: Autoreset, _ actions: [JSON], _ singles: [Single], over client: Client
    ) async throws -> [Turn] {
        let running = singles.indices.filter { !singles[$0].hasEnded }
        if autoreset == .disabled, running.count < singles.count {
            let refused = try await client.call("step", ["sandbox_id": vector, "actions": .array(actions)])
            #expect(refused.kind == "episode_ended")
            if running.isEmpty { return Turn.column(try await client.result("reset", ["sandbox_id": vector])) }
            var sparse = JSON.Object()
            for index in running { sparse["\(index)"] = actions[index] }
            return Turn.column(
                try await client.result("step", ["sandbox_id": vector, "actions": .object(sparse)]))
        }
        return Turn.column(try await client.result("step", ["sandbox_id": vector, "actions": .array(actions)]))
    }
}

/// What one environment answered.
private struct Turn: Equatable {
    var observation: JSON?
    var reward: Double? = 0
    var terminated: JSON = false
    var truncated: JSON = false
    var info: JSON? = [:]

    init(reset answer: JSON) { (observation, info) = (answer["observation"], answer["info"]) }

    init(step answer: JSON) {
        (observation, info) = (answer["observation"], answer["info"])
        reward = answer["reward"]?.double
        terminated = answer["terminated"] ?? nil
        truncated = answer["truncated"] ?? nil
    }

    /// The turns of a vector's answer, whose members are lists.
    static func column(_ answer: JSON) -> [Turn] {
        (answer["observation"]?.array ?? []).indices.map { index in
            func entry(_ name: String) -> JSON? { answer[name]?[index] }
            var turn = Turn(reset: ["observation": entry("observation") ?? nil, "info": entry("info") ?? nil])
            turn.reward = entry("reward")?.double ?? turn.reward
            turn.terminated = entry("terminated") ?? turn.terminated
            turn.truncated = entry("truncated") ?? turn.truncated
            return turn
        }
    }
}

/// An environment alone in its sandbox, whose client does by hand what the vector's autoreset does.
private struct Single {
    let sandbox: JSON
    var hasEnded = false

    mutating func turn(_ action: JSON, _ autoreset: VectorTests.Autoreset, over client: Client) async throws -> Turn {
        if hasEnded { return try await reset(over: client) }
        var turn = Turn(step: try await client.result("step", ["sandbox_id": sandbox, "action": action]))
        hasEnded = turn.terminated == true || turn.truncated == true
        guard hasEnded, autoreset == .sameStep else { return turn }
        turn.info = ["final_observation": turn.observation ?? nil, "final_info": turn.info ?? nil]
        turn.observation = try await reset(over: client).observation
        return turn
    }

    private mutating func reset(over client: Client) async throws -> Turn {
        hasEnded = false
        return Turn(reset: try await client.result("reset", ["sandbox_id": sandbox]))
    }
}
