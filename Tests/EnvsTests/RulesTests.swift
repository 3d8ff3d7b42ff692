import GEM
import Testing

@testable import Envs

/// One turn and what must come of it.
struct Line: Sendable {
    let action: String
    let reward: Double
    let ends: Bool
    let says: String

    init(_ action: String, _ says: String) { self.init(action, 0, says) }

    init(_ action: String, _ reward: Double, ends: Bool = false, _ says: String) {
        self.action = action
        self.reward = reward
        self.ends = ends
        self.says = says
    }
}

/// A few turns of one episode that show a rule, above all those that are easy to get wrong.
struct Scene: Sendable, CustomTestStringConvertible {
    let title: String
    let id: String
    var overrides: [String: Parameter.Value] = [:]
    var seed: Seed = 1
    let lines: [Line]
    var testDescription: String { title }
}

@Suite struct RulesTests {
    static let scenes = [
        Scene(
            title: "Hanoi: empty source, too large a disk, a move onto itself, spellings",
            id: "game:TowerofHanoi-v0-easy",
            lines: [
                Line(#"\boxed{B C}"#, "tower B is empty"),
                Line(#"\boxed{a,c}"#, "disk 1 went from A to C."),
                Line(#"\boxed{A C}"#, "disk 2 is larger than the top of tower C"),
                Line(#"\boxed{AA}"#, "disk 2 went from A to A."),
                Line("\\boxed{A \t,\u{3000}B}", "disk 2 went from A to B."),
                Line(#"\boxed{C B} \boxed{A D} \boxed{A,,B} \boxed{A;B}"#, "disk 1 went from C to B."),
                Line(#"\boxed{A C}"#, "disk 3"), Line(#"\boxed{B A}"#, "disk 1"), Line(#"\boxed{B C}"#, "disk 2"),
                Line(#"\boxed{A C}"#, 1, ends: true, "the whole tower stands on C: solved."),
            ]),
        Scene(
            title: "Guess the number: zero is unreadable", id: "game:GuessTheNumber-v0-easy",
            lines: [Line(#"\boxed{000}"#, -0.1, ends: true, "no box")]),
        Scene(
            title: "Guess the number: outside, hint, again, found", id: "game:GuessTheNumber-v0-easy",
            lines: [
                Line(#"\boxed{11}"#, "outside the range"),
                Line(#"\boxed{5}"#, "lower than 5"),
                Line(#"\boxed{٠5}"#, "have guessed 5 before"),
                Line(#"\boxed{3}"#, 1, ends: true, "the secret number: solved."),
            ]),
        Scene(
            title: "Guess the number: the limit pays for nearness, also for a repeated guess",
            id: "game:GuessTheNumber-v0-easy", overrides: ["max_turns": .integer(2)],
            lines: [
                Line(#"\boxed{5}"#, "lower"), Line(#"\boxed{5}"#, 1 - 2.0 / 9, ends: true, "That was the last turn."),
            ]),
        Scene(
            title: "Guess the number: the limit pays nothing outside the range", id: "game:GuessTheNumber-v0-easy",
            overrides: ["max_turns": .integer(1)],
            lines: [Line(#"\boxed{99999999999999999999}"#, 0, ends: true, "outside the range")]),
        Scene(
            title: "Mastermind: counts, ranges, repeated numbers and guesses", id: "game:Mastermind-v0-easy",
            lines: [
                Line(#"\boxed{1}"#, "must have 2 numbers"), Line(#"\boxed{1 2 3}"#, "must have 2 numbers"),
                Line(#"\boxed{0 1}"#, "from 1 to 6"), Line(#"\boxed{7 1}"#, "from 1 to 6"),
                Line(#"\boxed{5 5}"#, 0.5, "1 black peg(s) and 0 white peg(s)"), Line(#"\boxed{5 5}"#, "before"),
                Line(#"\boxed{2 1}"#, "1 black peg(s) and 0 white peg(s)"),  // no better than before
                Line(#"\boxed{5 2}"#, "0 black peg(s) and 2 white peg(s)"),
                Line("\\boxed{2\t 5}", 0.5, ends: true, "solved"),
            ]),
        Scene(
            title: "Wordle: length, marks, the same guess, dropped blanks", id: "game:Wordle-v0-easy",
            lines: [
                Line(#"\boxed{co}"#, "must have 3 letters"),
                Line(#"\boxed{wce}"#, "WCE\n['Y', 'Y', 'X']"),
                Line(#"\boxed{W C E}"#, "guessed this before"),
                Line("\\boxed{c\tw}", 1 / 3.0 * 0.5 + 1 / 3.0 * 0.5, "C\tW\n['G', 'X', 'G']"),
                Line(#"\boxed{ccc}"#, "CCC\n['G', 'X', 'X']"),
                Line(#"\boxed{c o w}"#, 1 / 3.0 * 0.5 + 0.5, ends: true, "solved"),
            ]),
        Scene(
            title: "Hangman: letters, and only the word ends it", id: "game:Hangman-v0-easy",
            lines: [
                Line(#"\BOXED{c}"#, 1 / 3.0 * 0.5, "the letter C is in the word"),
                Line(#"\boxed{C}"#, "has been guessed before"), Line(#"\boxed{z}"#, "is not in the word"),
                Line(#"\boxed{cat}"#, "not the word"), Line(#"\boxed{cows}"#, "not the word"),
                Line(#"\boxed{o}"#, 1 / 3.0 * 0.5, "places: 1"), Line(#"\boxed{w}"#, 1 / 3.0 * 0.5, "places: 1"),
                Line(#"\boxed{cow}"#, 0.5, ends: true, "solved"),
            ]),
        Scene(
            title: "Minesweeper: words, cells, flags", id: "game:Minesweeper-v0-easy",
            lines: [
                Line(#"\boxed{dig 9 9}"#, "outside the grid"), Line(#"\boxed{dig 0 0}"#, "must be reveal or flag"),
                Line(#"\boxed{FLAG 0 0}"#, "you flagged cell 0 0"),
                Line(#"\boxed{flag 0 0}"#, "you took the flag from cell 0 0"),
                Line(#"\boxed{flag 4 1}"#, "you flagged cell 4 1"), Line(#"\boxed{reveal 4 1}"#, "is flagged"),
                Line(#"\boxed{flag 4 1}"#, "took the flag"), Line(#"\boxed{Reveal 4 1}"#, 0.3, "you revealed cell 4 1"),
                Line(#"\boxed{reveal 4 0}"#, "revealed already"), Line(#"\boxed{flag 4 0}"#, "takes no flag"),
                Line(#"\boxed{flag 3 3}"#, "you flagged"),
                Line(#"\boxed{reveal 3 3}"#, 0, ends: true, "holds a mine"),  // flagged or not
            ]),
        Scene(
            title: "Fifteen: the rim, capitals are unreadable", id: "game:FifteenPuzzle-v0-easy",
            lines: [
                Line(#"\boxed{up}"#, "no tile can slide up"), Line(#"\boxed{right}"#, "tile 2 slid right."),
                Line(#"\boxed{UP}"#, -0.1, ends: true, "no box"),
            ]),
        Scene(
            title: "Fifteen: solved by moves, not by the reset", id: "game:FifteenPuzzle-v0-easy",
            overrides: ["mc_rand_moves": .integer(0)],
            lines: [
                Line(#"\boxed{down}"#, "tile 2 slid down."), Line(#"\boxed{up}"#, 1, ends: true, "in order: solved."),
            ]),
        Scene(
            title: "2048: every doubling of the largest tile pays its share", id: "game:Game2048-v0-easy",
            lines: [
                Line(#"\boxed{UP}"#, "the tiles slid up."), Line(#"\boxed{left}"#, 0.2, "largest tile is now 4."),
                Line(#"\boxed{up}"#, "slid up"), Line(#"\boxed{left}"#, 0.2, "largest tile is now 8."),
            ]),
        Scene(
            title: "Sudoku: ranges, wrong, right, filled", id: "game:Sudoku-v0-easy",
            lines: [
                Line(#"\boxed{0 1 2}"#, "from 1 to 4"), Line(#"\boxed{3 1 5}"#, "from 1 to 4"),
                Line(#"\boxed{3 1 1}"#, "1 is wrong there"),
                Line(#"\boxed{3 1 2}"#, 1 / 9.0, "2 is right at row 3, column 1"),
                Line(#"\boxed{3 1 2}"#, "filled already"), Line(#"\boxed{1 1 4}"#, "filled already"),
                Line(#"\boxed{3  1 2}"#, -0.1, ends: true, "no box"),
            ]),
    ]

    @Test(arguments: scenes)
    func plays(_ scene: Scene) throws {
        var player = try Player(scene.id, scene.overrides)
        try player.reset(scene.seed)
        for (turn, line) in scene.lines.enumerated() {
            let result = player.step(line.action)
            #expect(result.reward == line.reward && result.terminated == line.ends, "turn \(turn + 1): \(player.text)")
            #expect(player.text.contains(line.says), "turn \(turn + 1), wanted \(line.says): \(player.text)")
        }
    }

    @Test func a2048MoveThatChangesNothingAddsNoTile() throws {
        var player = try Player("game:Game2048-v0-easy")
        try player.reset(1)
        var blocked = 0
        for _ in 0..<40 {
            let before = player.observation.state.string.split(separator: "\n").prefix(4)
            let result = player.step(player.sampleAction())
            if result.terminated { break }
            let isSame = player.observation.state.string.split(separator: "\n").prefix(4) == before
            #expect(isSame == player.text.contains("nothing can slide"))
            if isSame { blocked += 1 }
        }
        #expect(blocked > 0)
    }

    /// GEM pays for a word again when its ends are named the other way round, but not twice the same way.
    @Test func aFoundWordPaysAgainBackwards() throws {
        var player = try Player("game:WordSearch-v0-easy")
        try player.reset(1)
        let game = try #require(player.environment as? WordSearch)
        let word = try #require(game.placed.first)
        let last = word.cell(word.word.count - 1)
        let forwards = #"\boxed{\#(word.row) \#(word.column) \#(last.row) \#(last.column)}"#
        let backwards = #"\boxed{\#(last.row) \#(last.column) \#(word.row) \#(word.column)}"#
        #expect([forwards, forwards, backwards, backwards].map { player.step($0).reward } == [0.2, 0, 0.2, 0])
        #expect(player.text.contains("Found 1 of 5 words."))
        #expect(player.step(#"\boxed{0 0 1 1}"#).reward == 0 && player.text.contains("neither in one row"))
        #expect(player.step(#"\boxed{0 0 0 99}"#).reward == 0 && player.text.contains("outside the grid"))
    }

    /// Capital letters in the hard list only match themselves when words are laid, but any case fills a cell.
    @Test func crosswordsTakeEitherCaseAndRefuseFilledCells() throws {
        var player = try Player("game:Crosswords-v0-hard")
        try player.reset(1)
        let game = try #require(player.environment as? Crosswords)
        let word = try #require(game.placed.first)
        let letter = String(decoding: word.word.prefix(1), as: UTF8.self)
        let cell = "\(word.row) \(word.column)"
        let right = player.step(#"\boxed{\#(cell)  \#(letter.lowercased())}"#)
        #expect(right.reward > 0 && player.text.contains("\(letter.uppercased()) is right."))
        #expect(player.step(#"\boxed{\#(cell) \#(letter.uppercased())}"#).reward == 0)
        #expect(player.text.contains("filled already"))
        #expect(player.step(#"\boxed{99 0 A}"#).reward == 0 && player.text.contains("outside the grid"))
    }
}
