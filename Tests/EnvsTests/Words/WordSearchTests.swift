import GEM
import Testing

@testable import Envs

@Suite struct WordSearchTests {
    /// The ends of every word of seed 1's board, some from its last letter.
    private static let ends = ["1 8 7 8", "7 5 7 11", "9 6 2 6", "7 7 11 7", "3 0 0 0"]

    @Test func endsWithTheLastWord() throws {
        var player = try Player("game:WordSearch-v0-easy")
        try player.reset(1)
        let results = Self.ends.map { player.step("\\boxed{\($0)}") }
        #expect(results.map(\.reward) == Array(repeating: 0.2, count: 5))
        #expect(results.map(\.terminated) == [false, false, false, false, true])
        #expect(player.shows("R07  F   L   R   W   Y  [R] [E] [C] [E] [I] [P] [T]"), "\(player.text)")
        #expect(player.text.contains("Found 5 of 5 words."))
    }

    /// Only what could be a word is remembered, so an episode of any length needs little memory.
    @Test func tellsWhatWasTriedBefore() throws {
        var player = try Player("game:WordSearch-v0-easy")
        try player.reset(1)
        for (ends, says) in [
            ("0 0 0 5", "no hidden word"), ("0 0 0 5", "tried these cells before"), ("0 5 0 0", "no hidden word"),
            ("0 0 0 05", "tried these cells before"), ("0 1 1 2", "neither in one row"),
            ("0 1 1 2", "neither in one row"),
            ("12 0 0 0", "outside"), ("0 0 0 9999999999999999999999", "outside"), ("1\u{2003}8 7\t8", "you found "),
            ("1 8 7 8", "tried these cells before"),
        ] {
            player.step("\\boxed{\(ends)}")
            #expect(player.text.contains(says), "\(ends): \(player.text)")
        }
        #expect(player.render(.ansi).contains("\u{1B}[1;30;42m"))
    }

    /// A word of one letter begins where it ends, and is found once.
    @Test func findsAWordOfOneLetter() throws {
        var player = try Player("game:WordSearch-v0-easy", ["num_words": .integer(1)])
        for seed in 0..<3000 as Range<Seed> {
            try player.reset(seed)
            let game = try #require(player.environment as? WordSearch)
            let word = try #require(game.placed.first)
            guard word.word.count == 1 else { continue }
            #expect(game.board.side == 2)
            let cell = "\(word.row) \(word.column)"
            #expect(player.step("\\boxed{\(cell) \(cell)}") == StepResult(reward: 1, terminated: true))
            return
        }
        Issue.record("no word of one letter was drawn")
    }
}
