import GEM
import Testing

@testable import Envs

@Suite struct SokobanTests {
    /// What the room of seed 1 does with each action, one after the other.
    ///
    ///     # # # # # #
    ///     # _ _ _ _ #
    ///     # O X O _ #
    ///     # _ _ X P #
    ///     # # _ _ # #
    ///     # # # # # #
    @Test func tellsWhatAMoveDid() throws {
        var player = try Player("game:Sokoban-v0-easy")
        try player.reset(1)
        let story: [(String, String)] = [
            ("right", "Turn 1: a wall blocks the way right"),
            ("left", "Turn 2: you pushed a box left."),
            ("left", "Turn 3: you pushed a box left."),
            ("left", "Turn 4: the box cannot be pushed left"),
            ("up", "Turn 5: you pushed a box up."),
            ("down", "Turn 6: you moved down."),
        ]
        for (move, sentence) in story {
            #expect(player.step(#"\boxed{\#(move)}"#) == StepResult(reward: 0))
            #expect(player.text.hasPrefix(sentence), "\(player.text)")
        }
    }

    @Test(
        arguments: [
            (1, StepResult(reward: -0.1, terminated: true, truncated: true)),
            (2, StepResult(reward: -0.1, terminated: true, truncated: false)),
        ] as [(Int, StepResult)])
    func unreadableTextEndsTheEpisode(_ maxTurns: Int, _ result: StepResult) throws {
        var player = try Player("game:Sokoban-v0-easy", ["max_turns": .integer(maxTurns)])
        let board = try player.reset(1).split(separator: "\n").suffix(7).dropLast()
        #expect(player.step("north") == result)
        #expect(player.shows(board.joined(separator: "\n")))
    }

    @Test func theLimitPaysForBoxesOnGoals() throws {
        var player = try Player("game:Sokoban-v0-easy", ["max_turns": .integer(3)])
        try player.reset(1)
        let results = ["up", "left", "left"].map { player.step(#"\boxed{\#($0)}"#) }
        #expect(results == [.init(reward: 0), .init(reward: 0), .init(reward: 0.5, terminated: true, truncated: true)])
        #expect(player.text.contains("√") && player.text.hasSuffix("The episode is over."))
    }

    @Test(
        arguments: [
            (["dim_room": .integerPair(8, 10), "num_boxes": .integer(3)], 8, 10, 3),
            (["room_size": .integerPair(7, 5), "num_boxes": .integer(1)], 7, 5, 1),
            (["dim_room": .integerPair(6, 6), "room_size": .integerPair(12, 12)], 12, 12, 2),
        ] as [([String: Parameter.Value], Int, Int, Int)])
    func takesSizeAndBoxes(_ overrides: [String: Parameter.Value], rows: Int, columns: Int, boxes: Int) throws {
        var player = try Player("game:Sokoban-v0-easy", overrides)
        let board = try player.reset(3).split(separator: "\n").suffix(rows + 1).dropLast()
        #expect(board.allSatisfy { $0.count == 2 * columns - 1 })
        #expect(board.joined().count { $0 == "X" } == boxes)
    }

    @Test func aNullSizeIsDrawnAtEveryReset() throws {
        var player = try Player("game:Sokoban-v0-easy", ["num_boxes": .null])
        let sizes = try Set((0..<8).map { try player.reset($0).contains("of 50:") ? 50 : 20 })
        #expect(sizes == [20, 50])
    }

    @Test func anImpossibleRoomIsAFailureAndTheNextResetWorksAgain() throws {
        var player = try Player("game:Sokoban-v0-easy", ["dim_room": .integerPair(4, 4), "num_boxes": .integer(8)])
        #expect { try player.reset(1) } throws: { ($0 as? Failure)?.kind == .envFailed }
    }

    @Test func unseededResetsContinueTheStream() throws {
        var one = try Player("game:Sokoban-v0-easy", entropy: 9)
        var other = try Player("game:Sokoban-v0-easy", entropy: 9)
        let rooms = try (0..<5).map { _ in try one.reset(nil) }
        #expect(Set(rooms).count == 5)
        #expect(try (0..<5).map { _ in try other.reset(nil) } == rooms)
        try other.reset(5)
        try one.reset(5)
        #expect(try one.reset(nil) == other.reset(nil))
    }

    @Test func aForkPlaysOnByItself() throws {
        var player = try Player("game:Sokoban-v0-easy")
        try player.reset(1)
        var fork = player
        fork.step(#"\boxed{left}"#)
        #expect(player.render(.text) != fork.render(.text))
        player.step(#"\boxed{left}"#)
        #expect(player.render(.text) == fork.render(.text) && player.sampleAction() == fork.sampleAction())
    }

    @Test func drawsForPeople() throws {
        var player = try Player("game:Sokoban-v0-easy")
        try player.reset(1)
        player.step(#"\boxed{up}"#)
        player.step(#"\boxed{left}"#)
        player.step(#"\boxed{left}"#)
        #expect(
            player.render(.text) == """
                # # # # # #
                # _ _ _ _ #
                # √ P O _ #
                # _ _ X _ #
                # # _ _ # #
                # # # # # #
                # wall  _ floor  O goal  X box  √ box on goal  P you
                turn 3/20 · 1/2 boxes on goals

                """)
        let plain = player.render(.ansi).replacing(/\u{1B}\[[0-9;]*m/, with: "")
        #expect(
            plain == """
                ╭─────────╮ 
                │ · · · · │ 
                │ ▣ ● □ · │ 
                │ · · ■ · │ 
                ╰─╮ · · ╭─╯ 
                  ╰─────╯   
                turn 3/20 · 1/2 boxes on goals

                """)
    }
}
