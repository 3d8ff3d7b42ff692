import GEM
import Testing

@testable import Envs

@Suite struct WordleTests {
    /// Guesses at SHADE, each on a fresh board.
    @Test(
        arguments: [
            ("heads", "YYGGY", 0.1 + 0.1),
            ("assad", "YYXXY", 0),  // each letter of the secret answers for one letter of the guess
            ("eeeee", "XXXXG", 0.1),
            ("hhhde", "XGXGG", 0.1 + 0.1 + 0.1),
            ("zzzzz", "XXXXX", 0),
            ("S H A D E", "GGGGG", 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.5),
            ("s\th\ta", "GXYXY", 0.1),  // other white space counts as a character
            ("s \u{3000} h\u{2028} a", "GXYXY", 0.1),
        ] as [(String, String, Double)])
    func marksAGuess(_ guess: String, _ marks: String, _ reward: Double) throws {
        var player = try Player("game:Wordle-v0-hard")
        try player.reset(7869)
        let result = player.step("\\boxed{\(guess)}")
        #expect(result == StepResult(reward: reward, terminated: marks == "GGGGG"))
        let shown = guess.uppercased().replacing(" ", with: "")
        let list = marks.map { "'\($0)'" }.joined(separator: ", ")
        #expect(result.terminated || player.text.contains("\n\(shown)\n[\(list)]"), "\(player.text)")
    }

    @Test(arguments: ["shade ", " shade", "sha-de", "shad3", "Straße", "s h a d é", "\t", ""])
    func refusesWhatDoesNotFit(_ guess: String) throws {
        var player = try Player("game:Wordle-v0-hard")
        try player.reset(7869)
        #expect(player.step("\\boxed{\(guess)}").terminated)
    }

    /// Too long is illegal, however long; and a guess is the same only if its blanks are.
    @Test func takesLongAndRepeatedGuesses() throws {
        var player = try Player("game:Wordle-v0-hard")
        try player.reset(7869)
        for guess in ["shades", String(repeating: "shade", count: 20_000), String(repeating: "a\t", count: 16) + "a"] {
            #expect(player.step("\\boxed{\(guess)}") == StepResult(reward: 0))
            #expect(player.text.contains("must have 5 letters"))
        }
        for (guess, isNew) in [("s\th\ta", true), ("S\tH\tA", false), ("s\th\u{2003}a", true), ("s\th\u{2004}a", true)]
        {
            player.step("\\boxed{\(guess)}")
            #expect(player.text.contains("guessed this before") != isNew)
        }
    }

    @Test func drawsTilesAndAKeyboard() throws {
        var player = try Player("game:Wordle-v0-hard")
        try player.reset(7869)
        for guess in ["heads", "s\th\ta"] { player.step("\\boxed{\(guess)}") }
        #expect(player.render(.text) == "H E A D S   Y Y G G Y\nS ? H ? A   G X Y X Y\n_ _ _ _ _\nturn 2/25\n")
        let drawn = player.render(.ansi)
        #expect(drawn.contains("\u{1B}[1;30;42m S \u{1B}[0m\u{1B}[97;100m ? \u{1B}[0m\u{1B}[1;30;43m H \u{1B}[0m"))
        // On the keyboard a letter shows the best that is known of it.
        #expect(drawn.contains("\u{1B}[1;30;42mS\u{1B}[0m \u{1B}[1;30;42mD\u{1B}[0m F G"))
        #expect(drawn.replacing(/\u{1B}\[[0-9;]*m/, with: "").contains("Q W E R T Y U I O P \n A S D F G H J K L \n"))
    }
}
