import GEM
import Testing

@testable import Envs

@Suite struct ArgumentTests {
    struct Refusal: Sendable {
        let id: String
        let overrides: [String: Parameter.Value]
        let says: String
    }

    static let refusals = [
        Refusal(
            id: "game:GuessTheNumber-v0-easy", overrides: ["min_number": .integer(20)],
            says: "larger than max_number 10"),
        Refusal(id: "game:GuessTheNumber-v0-easy", overrides: ["max_turns": .null], says: "give a turn limit"),
        Refusal(
            id: "game:Mastermind-v0-easy", overrides: ["code_length": .integer(7)], says: "larger than num_numbers 6"),
        Refusal(id: "game:Minesweeper-v0-easy", overrides: ["num_mines": .integer(17)], says: "at most 16 mines"),
        Refusal(id: "game:Game2048-v0-easy", overrides: ["target_tile": .integer(100)], says: "no power of two"),
        Refusal(id: "game:Sudoku-v0-easy", overrides: ["scale": .integer(5)], says: "4 or 9, not 5"),
        Refusal(id: "game:Sudoku-v0-easy", overrides: ["clues": .integer(17)], says: "lower clues 17"),
        Refusal(id: "game:Hangman-v0-easy", overrides: ["word_length": .integer(24)], says: "no word of 24 letters"),
    ]

    /// Arguments that are in range one by one and impossible together.
    @Test(arguments: refusals)
    func refusesWhatCannotBePlayed(_ refusal: Refusal) throws {
        #expect {
            try Player(refusal.id, refusal.overrides)
        } throws: { error in
            let failure = error as? Failure
            return failure?.kind == .invalidArgument && failure?.message.contains(refusal.says) == true
        }
    }

    struct Shape: Sendable {
        let id: String
        let overrides: [String: Parameter.Value]
        let shows: String
    }

    static let shapes = [
        Shape(id: "game:TowerofHanoi-v0-easy", overrides: ["num_disks": .integer(4)], shows: "A: [4, 3, 2, 1]"),
        Shape(
            id: "game:Minesweeper-v0-easy", overrides: ["rows": .integer(12), "cols": .integer(3)],
            shows: "\n11  .  .  ."),
        Shape(id: "game:Game2048-v0-easy", overrides: ["board_size": .integer(2)], shows: "\n   2    2\n   .    .\n"),
        Shape(
            id: "game:Sudoku-v0-easy", overrides: ["scale": .integer(9), "clues": .integer(1)], shows: "C7 C8 C9\nR1"),
        Shape(id: "game:FifteenPuzzle-v0-easy", overrides: ["mc_rand_moves": .integer(0)], shows: "\n 1  2\n 3 __\n"),
        Shape(id: "game:Mastermind-v0-easy", overrides: ["duplicate_numbers": .boolean(true)], shows: "may repeat"),
        Shape(
            id: "game:Hangman-v0-easy", overrides: ["hardcore": .boolean(true), "word_length": .integer(24)],
            shows: " C23\n"),
        Shape(id: "game:Wordle-v0-easy", overrides: ["word_length": .integer(6)], shows: "word of 6 letters"),
        Shape(id: "game:Crosswords-v0-easy", overrides: ["num_words": .integer(1)], shows: "\n1. "),
        Shape(id: "game:WordSearch-v0-easy", overrides: ["num_words": .integer(9)], shows: "Found 0 of 9 words."),
    ]

    @Test(arguments: shapes)
    func takesItsArguments(_ shape: Shape) throws {
        var player = try Player(shape.id, shape.overrides)
        let texts = try (0..<8).map { try player.reset($0) }
        #expect(texts.contains { $0.contains(shape.shows) }, "\(texts[0])")
    }

    /// Whatever is in range is either played or refused; nothing in between.
    @Test(arguments: BuiltInEnvironments.specs.map(\.id.description).filter { !$0.hasSuffix("-hard") })
    func playsAtTheEndsOfEveryRange(_ id: String) throws {
        let spec = try #require(BuiltInEnvironments.specs.first { $0.id.description == id })
        for parameter in spec.parameters {
            for value in parameter.type.extremes {
                do {
                    var player = try Player(id, [parameter.name: value])
                    #expect(try player.reset(6).contains("Turn 1 of "))
                    player.step(player.sampleAction())
                    #expect(player.render(.ansi).contains("turn 1/"))
                } catch let failure as Failure {
                    #expect([.invalidArgument, .envFailed].contains(failure.kind), "\(parameter.name): \(failure)")
                }
            }
        }
    }

    /// Every board of `pure_random` can be solved; half of those of `shuffle` cannot.
    @Test func aPureRandomFifteenPuzzleCanBeSolved() throws {
        func solvable(_ algorithm: String) throws -> Int {
            var player = try Player(
                "game:FifteenPuzzle-v0-easy", ["init_algo": .choice(algorithm), "max_turns": .integer(100)])
            return try (0..<40).count { seed in
                try player.reset(Seed(seed))
                var seen = [player.environment]
                var boards: Set<String> = [player.render(.text).components(before: "turn")]
                while let next = seen.popLast() {
                    for move in Direction.allCases {
                        var fork = player
                        fork.environment = next
                        if fork.step(#"\boxed{\#(move)}"#).reward == 1 { return true }
                        if boards.insert(fork.render(.text).components(before: "turn")).inserted {
                            seen.append(fork.environment)
                        }
                    }
                }
                return boards.contains(" 1  2\n 3 __\n")
            }
        }
        #expect(try solvable("pure_random") == 40)
        #expect(try 10...30 ~= solvable("shuffle"))
        #expect(try solvable("monte_carlo") == 40)
    }
}

extension String {
    fileprivate func components(before word: String) -> String {
        String(self[..<(firstRange(of: word)?.lowerBound ?? endIndex)])
    }
}

extension Parameter.Kind {
    /// The first and the last value.
    fileprivate var extremes: [Parameter.Value] {
        switch self {
        case .integer(let range): [.integer(range.lowerBound), .integer(range.upperBound)]
        case .boolean: [.boolean(false), .boolean(true)]
        case .integerPair(let range):
            [.integerPair(range.lowerBound, range.lowerBound), .integerPair(range.upperBound, range.upperBound)]
        case .choice(let words): words.map { .choice($0) }
        case .text: [.free(""), .free("\u{1F600}")]
        case .number: [.free(0), .free(-1)]
        case .any: [.free(.null), .free([:])]
        }
    }
}
