import Foundation
import GEM
import Testing

/// The real packages, served as somebody's own environments, play whole episodes as our own environments do.
@Suite(.timeLimit(.minutes(4))) struct ForeignPackageTests {
    /// Ours, the actions that are played in turn, and what of an observation must be the same.
    private static let games: [(id: String, actions: [String])] = [
        ("Sokoban-v0-easy", ["up", "left", "down", "down", "right", "up", "right", "left"]),
        ("GuessTheNumber-v0-easy", (1...10).map(String.init)),
        ("Mastermind-v0-easy", ["1 2", "3 4", "5 6", "2 1", "4 3", "6 5"]),
        ("Game2048-v0-easy", ["left", "down", "right", "down"]),
        ("Minesweeper-v0-easy", (0..<25).map { "reveal \($0 / 5) \($0 % 5)" }),
    ]

    @Test func theGamesOfGEMAreOurs() async throws {
        let manifests = Self.games.map { game in
            """
            env_id: gem:\(game.id)
            command: [/venv/bin/python, gem_environment.py, "game:\(game.id)"]
            directory: .
            mounts: ["\(Products.gemVenv):/venv"]
            limits: { memory: 1g, processes: 64 }
            """
        }
        try await served(manifests) { external in
            for game in Self.games {
                let played = try await compare(
                    external.client, "gem:\(game.id)", "game:\(game.id)", seeds: 0..<4,
                    actions: game.actions.map { "\\boxed{\($0)}" }
                ) { theirs, ours in
                    guard game.id.hasPrefix("Sokoban") else { return true }
                    return Self.board(theirs) == Self.board(ours)
                }
                #expect(played >= 4, "\(game.id)")
            }
        }
    }

    @Test func theFrozenLakeOfGymnasiumIsOurs() async throws {
        let manifest = """
            env_id: gymnasium:FrozenLake-v1
            command: [/venv/bin/python, gymnasium_environment.py]
            directory: .
            mounts: ["\(Products.gemVenv):/venv"]
            kwargs: { is_slippery: true }
            limits: { memory: 1g, processes: 64 }
            """
        try await served([manifest]) { external in
            let client = external.client
            let words = ["left", "down", "right", "up"]
            for seed in 0..<6 {
                let theirs = try await client.make(["env_id": "gymnasium:FrozenLake-v1"])
                let ours = try await client.make(["env_id": "rock:FrozenLake-v0", "kwargs": ["is_slippery": true]])
                for sandbox in [theirs, ours] {
                    _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": .number(.init(seed))])
                }
                for turn in 0..<100 {
                    let move = (seed + turn * turn) % 4
                    let their = try await client.result(
                        "step", ["sandbox_id": theirs, "action": .string(String(move))])
                    let our = try await client.result(
                        "step", ["sandbox_id": ours, "action": .string("\\boxed{\(words[move])}")])
                    #expect(
                        their["observation"]?.string == (our["info"]?["position"]?.int).map(String.init)
                            && their["reward"] == our["reward"] && their["terminated"] == our["terminated"],
                        "seed \(seed), turn \(turn)")
                    if our["terminated"] == true || our["truncated"] == true { break }
                }
                for sandbox in [theirs, ours] { _ = try await client.result("close", ["sandbox_id": sandbox]) }
            }
        }
    }

    /// Serves programs of this folder's by the file that 'env init' writes.
    private func served(_ manifests: [String], body: (ExternalServer) async throws -> Void) async throws {
        try await ExternalServer.withSkeleton("python") { folder in
            for name in ["gem_environment.py", "gymnasium_environment.py"] {
                try FileManager.default.copyItem(atPath: Products.client(name), toPath: "\(folder)/\(name)")
            }
            try await ExternalServer.run(manifests, in: folder, body: body)
        }
    }

    /// Plays the same in both, until both end.
    ///
    /// - Returns: How many turns were the same.
    private func compare(
        _ client: Client, _ theirs: String, _ ours: String, seeds: Range<Int>, actions: [String],
        isSame: (String, String) -> Bool
    ) async throws -> Int {
        let sandboxes = [
            try await client.make(["env_id": .string(theirs)]), try await client.make(["env_id": .string(ours)]),
        ]
        var turns = 0
        for seed in seeds {
            for sandbox in sandboxes {
                _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": .number(.init(seed))])
            }
            for turn in 0..<50 {
                var both: [JSON] = []
                for sandbox in sandboxes {
                    let action = JSON.string(actions[turn % actions.count])
                    both.append(try await client.result("step", ["sandbox_id": sandbox, "action": action]))
                }
                // GEM's boards are in its info.
                let texts = both.map {
                    ($0["observation"]?.string ?? "") + "\n" + ($0["info"]?["suffix"]?.string ?? "")
                }
                let isAlike =
                    both[0]["reward"]?.double == both[1]["reward"]?.double
                    && both[0]["terminated"] == both[1]["terminated"] && both[0]["truncated"] == both[1]["truncated"]
                    && isSame(texts[0], texts[1])
                #expect(isAlike, "\(theirs), seed \(seed), turn \(turn): \(both)")
                guard isAlike else { return turns }
                turns += 1
                if both[1]["terminated"] == true || both[1]["truncated"] == true { break }
            }
        }
        for sandbox in sandboxes { _ = try await client.result("close", ["sandbox_id": sandbox]) }
        return turns
    }

    private static func board(_ text: String) -> [Substring] {
        text.split(separator: "\n").filter { $0.hasPrefix("#") }
    }
}

extension Products {
    /// The environment with the packages that are served as somebody's own.
    fileprivate static var gemVenv: String {
        (ProcessInfo.processInfo.environment["ROCK_TEST_VENV"]
            ?? package.appendingPathComponent(".build/test-venv").path)
            + "-gem"
    }
}
