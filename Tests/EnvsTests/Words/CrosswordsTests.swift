import GEM
import Testing

@testable import Envs

@Suite struct CrosswordsTests {
    /// Fifty words a level, each with a clue of its own that does not say the word.
    @Test(arguments: [CrosswordEntry.easy, CrosswordEntry.hard])
    func everyWordHasAClue(_ entries: [CrosswordEntry]) {
        #expect(entries.count == 50)
        #expect(Set(entries.map(\.word)).count == 50 && Set(entries.map(\.clue)).count == 50)
        for entry in entries {
            let word = String(decoding: entry.word, as: UTF8.self).lowercased()
            let clue = String(decoding: entry.clue, as: UTF8.self)
            let words = clue.lowercased().split { !$0.isLetter }
            #expect(4...80 ~= clue.count && !words.contains { $0 == word }, "\(word): \(clue)")
        }
    }

    /// Clues keep the numbers of the order of placing, across words that found no room.
    @Test func numbersSkipDroppedWords() throws {
        var player = try Player(
            "game:Crosswords-v0-hard", ["num_words": .integer(50), "max_turns": .integer(9)])
        var dropped = 0
        for seed in 0..<20 as Range<Seed> {
            let text = try player.reset(seed)
            let game = try #require(player.environment as? Crosswords)
            let numbers = text.matches(of: /(?m)^(\d+)\. .+ \((across|down), \d+ letters\)$/).compactMap { Int($0.1) }
            #expect(numbers == game.placed.map { $0.index + 1 })
            if game.placed.count < 50 { dropped += 1 }
        }
        #expect(dropped > 0)
    }

    /// The easy crossword of seed 1, of WAITING, PEACE and ROAD.
    @Test func isSolvedLetterByLetter() throws {
        var player = try Player("game:Crosswords-v0-easy")
        try player.reset(1)
        let words = [("WAITING", 5, 1, 0, 1), ("PEACE", 3, 2, 1, 0), ("ROAD", 0, 0, 0, 1)]
        var results: [StepResult] = []
        for (word, row, column, down, across) in words {
            for (offset, letter) in word.enumerated() where (row + down * offset, column + across * offset) != (5, 2) {
                results.append(player.step("\\boxed{\(row + down * offset)\t\(column + across * offset) \(letter)}"))
            }
        }
        #expect(results.allSatisfy { $0 == StepResult(reward: 1.0 / 15) })
        #expect(player.step(#"\boxed{5 2 x}"#) == StepResult(reward: 0) && player.text.contains("X is wrong there"))
        #expect(player.step(#"\boxed{1 1 x}"#) == StepResult(reward: 0) && player.text.contains("no word"))
        let drawn = player.render(.ansi)
        #expect(drawn.contains("\u{1B}[1;30;42m W \u{1B}[0m\u{1B}[97;100m _ \u{1B}[0m\u{1B}[1;30;42m I \u{1B}[0m"))
        #expect(player.step(#"\boxed{5 2 a}"#) == StepResult(reward: 1.0 / 15, terminated: true))
        #expect(player.shows("R05  .   W   A   I   T   I   N   G   .   ."), "\(player.text)")
    }
}
