import GEM
import Testing

@testable import Envs

@Suite struct MazeTests {
    /// What `info` says is what a search in the text finds, whatever the dial says.
    @Test(arguments: 1...Maze.hardest, [0, 10, 100])
    func theDialIsTheLengthOfTheShortestWay(_ difficulty: Int, _ loops: Int) throws {
        var player = try Player(
            "rock:Maze-v0-easy", ["difficulty": .integer(difficulty), "loop_percent": .integer(loops)])
        let length = 4 * (difficulty + 1)
        let rooms = difficulty + 2
        for seed in 0..<4 as Range<Seed> {
            #expect(try player.reset(seed).contains("within \(4 * length) turns"))
            let plan = Plan(player.observation.state.string, rows: 2 * rooms + 1)
            #expect(plan.moves(from: "P", to: "E", avoiding: "#")?.count == length, "\(seed): \(player.text)")
            let info = #""difficulty":\#(difficulty),"optimal_length":\#(length),"distance":\#(length)"#
            #expect(player.observation.info.json == Array(info.utf8))
            // A tree has one passage less than rooms; without walls every pair of neighbours has one.
            let passages = plan.count(of: "_") + 2 - rooms * rooms
            let most = 2 * rooms * (rooms - 1)
            #expect(loops == 0 ? passages == rooms * rooms - 1 : loops < 100 ? passages < most : passages == most)
        }
    }

    @Test func paysForAShortWay() throws {
        var player = try Player("rock:Maze-v0-easy")
        try player.reset(5)
        var stray = player
        let way = try #require(Plan(player.observation.state.string, rows: 9).moves(from: "P", to: "E", avoiding: "#"))
        #expect(way.count == 12)
        for (turn, move) in way.enumerated() {
            let isLast = turn == 11
            let result = player.step(#"\boxed{\#(move)}"#)
            #expect(result == StepResult(reward: isLast ? 1 : 0, terminated: isLast), "\(player.text)")
            #expect(player.observation.info.json.suffix(1) == "\(11 - turn)".utf8.suffix(1))
        }
        #expect(player.text.contains("to the exit. The shortest way has 12 moves."))
        // There and back again, then the same way: 14 turns.
        let detour = [way[0], way[0].opposite] + way
        let rewards = detour.map { stray.step(#"\boxed{\#($0)}"#).reward }
        #expect(rewards.dropLast().allSatisfy { $0 == 0 } && rewards.last == 12.0 / 14)
    }

    @Test func aWallCostsATurnAndTheLimitCutsOff() throws {
        var player = try Player("rock:Maze-v0-easy", ["max_turns": .integer(40)])
        try player.reset(5)
        let board = player.render(.text).split(separator: "\n").prefix(9)
        let plan = Plan(player.observation.state.string, rows: 9)
        let open = try #require(plan.moves(from: "P", to: "E", avoiding: "#")?.first)
        let blocked = try #require(
            Direction.allCases.first { move in
                var fork = player
                fork.step(#"\boxed{\#(move)}"#)
                return move != open && fork.text.contains("a wall blocks the way \(move)")
            })
        let results = (0..<40).map { _ in player.step(#"\boxed{\#(blocked)}"#) }
        #expect(results.dropLast().allSatisfy { $0 == StepResult(reward: 0) })
        #expect(results.last == StepResult(reward: 0, truncated: true))
        #expect(player.render(.text).split(separator: "\n").prefix(9) == board)
    }

    @Test func drawsTheDifficultyWhereNoneIsGiven() throws {
        var player = try Player("rock:Maze-v0-random")
        var seen: Set<Int> = []
        for seed in 0..<100 as Range<Seed> {
            try player.reset(seed)
            seen.insert(try #require(player.environment as? Maze).difficulty)
        }
        #expect(seen == Set(1...10))
    }

    /// Walls are lines that meet, and the trail shows.
    @Test func drawsWallsAsLines() throws {
        var player = try Player("rock:Maze-v0-easy", ["difficulty": .integer(1), "loop_percent": .integer(100)])
        try player.reset(1)
        let plan = Plan(player.observation.state.string, rows: 7)
        for move in try #require(plan.moves(from: "P", to: "E", avoiding: "#")).prefix(3) {
            player.step(#"\boxed{\#(move)}"#)
        }
        let drawing = player.render(.ansi).replacing(/\u{1B}\[[0-9;]*m/, with: "")
        #expect(drawing.hasPrefix("╭────────╮\n"), "\(drawing)")
        #expect(drawing.count { "•●◆".contains($0) } == 5 && drawing.contains("difficulty 1"), "\(drawing)")
    }
}
