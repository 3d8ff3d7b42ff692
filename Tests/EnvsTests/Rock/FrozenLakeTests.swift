import Foundation
import GEM
import Testing

@testable import Envs

@Suite struct FrozenLakeTests {
    private static let words = ["L": "left", "D": "down", "R": "right", "U": "up"] as [Character: String]

    /// Lines made by Gymnasium 1.4.0, either `map size percent seed rows` or an episode: `map_name ground seed moves cells
    /// ending`, where seed `-` goes on with the environment of the line before and the ending is a hole or the goal.
    private static func recorded(_ isWanted: (String) -> Bool) throws -> [[String]] {
        let file = try #require(Bundle.module.url(forResource: "Fixtures/frozen-lake", withExtension: "txt"))
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .map { $0.split(separator: " ").map(String.init) }.filter { isWanted($0[0]) }
    }

    /// Cell for cell and slip for slip.
    @Test func replaysGymnasium() throws {
        let episodes = try Self.recorded { $0 != "map" }
        #expect(episodes.count == 60)
        var player = try Player("rock:FrozenLake-v0")
        for episode in episodes {
            if episode[2] != "-" {
                player = try Player(
                    "rock:FrozenLake-v0",
                    ["map_name": .choice(episode[0]), "is_slippery": .boolean(episode[1] == "slippery")])
            }
            try player.reset(Seed(episode[2]))
            var last = StepResult(reward: 0)
            let cells = try episode[3].map { move in
                last = player.step(#"\boxed{\#(try #require(Self.words[move]))}"#)
                _ = player.sampleAction()  // draws nothing from the lake's generator
                return try #require(player.environment as? FrozenLake).player
            }
            #expect(cells.map(String.init).joined(separator: ",") == episode[4], "\(episode)")
            #expect(last == StepResult(reward: episode[5] == "G" ? 1 : 0, terminated: true), "\(episode)")
        }
    }

    @Test func generatesGymnasiumsMaps() throws {
        let maps = try Self.recorded { $0 == "map" }
        #expect(maps.count == 24)
        for map in maps {
            let (size, percent) = (try #require(Int(map[1])), try #require(Int(map[2])))
            var player = try Player(
                "rock:FrozenLake-v0-random", ["size": .integer(size), "ice_percent": .integer(percent)])
            try player.reset(Seed(map[3]))
            let lake = try #require(player.environment as? FrozenLake).lake
            let rows = String(decoding: lake.cells, as: UTF8.self)
            #expect(rows == map[4].replacing("/", with: ""), "\(map)")
        }
    }

    static let moves: [Line] = [
        Line(#"\boxed{UP}"#, "you tried to go up, where the lake ends, so you stay where you are."),
        Line(#"\boxed{left}"#, "you tried to go left, where the lake ends"),
        Line(#"\boxed{down}"#, "you went down.\nS F F F\nP H F H\nF F F H\nH F F G\nTurn 4 of 100"),
        Line(#"\boxed{down}"#, "you went down."), Line(#"\boxed{right}"#, "you went right."),
        Line(#"\boxed{down}"#, "you went down."), Line(#"\boxed{down}"#, "where the lake ends"),
        Line(#"\boxed{right}"#, "F F F H\nH F P G\n"),
        Line(#"\boxed{right}"#, 1, ends: true, "you went right to the goal: solved.\nS F F F"),
    ]

    @Test func crossesFirmIceByHand() throws {
        var player = try Player("rock:FrozenLake-v0", ["is_slippery": .boolean(false)])
        try player.reset(0)
        #expect(player.observation.info.json == Array(#""position":0"#.utf8))
        var drowning = player
        for line in Self.moves {
            let result = player.step(line.action)
            #expect(result == StepResult(reward: line.reward, terminated: line.ends), "\(player.text)")
            #expect(player.text.contains(line.says), "\(player.text)")
        }
        #expect(player.observation.info.json == Array(#""position":15"#.utf8))
        drowning.step(#"\boxed{right}"#)
        #expect(drowning.step(#"\boxed{down}"#) == StepResult(reward: 0, terminated: true))
        #expect(drowning.text.contains("you went down into a hole.") && drowning.render(.ansi).contains("✕"))
    }

    @Test func theTurnLimitOnlyCutsOff() throws {
        var player = try Player("rock:FrozenLake-v0", ["is_slippery": .boolean(false)])
        try player.reset(0)
        let results = (0..<100).map { _ in player.step(#"\boxed{up}"#) }
        #expect(results.dropLast().allSatisfy { $0 == StepResult(reward: 0) })
        #expect(results.last == StepResult(reward: 0, truncated: true))
    }

    /// From the corner of a lake without holes each of the three ways ends in a cell of its own.
    @Test(arguments: [(Direction.right, [0, 1, 4]), (.down, [0, 1, 4])])
    func aThirdOfTheMovesGoesEachWay(_ move: Direction, _ cells: [Int]) throws {
        var counts: [Int: Int] = [:]
        var player = try Player("rock:FrozenLake-v0-random", ["ice_percent": .integer(100), "size": .integer(4)])
        try player.reset(6)
        for _ in 0..<3000 {
            player.step(#"\boxed{\#(move)}"#)
            counts[try #require(player.environment as? FrozenLake).player, default: 0] += 1
            try player.reset(nil)
        }
        #expect(counts.keys.sorted() == cells)
        #expect(counts.values.allSatisfy { abs($0 - 1000) < 100 }, "\(counts)")  // four standard deviations
    }

    /// Looked at from outside: in the text there is a way that touches no hole.
    @Test func everyGeneratedLakeCanBeCrossed() throws {
        var player = try Player("rock:FrozenLake-v0-random", ["ice_percent": .integer(60)])
        for seed in 0..<100 as Range<Seed> {
            try player.reset(seed)
            let plan = Plan(player.observation.state.string, rows: 8)
            #expect(plan.moves(from: "P", to: "G", avoiding: "H") != nil, "\(seed): \(player.text)")
        }
    }
}
