import GEM
import Testing

@testable import Envs

@Suite struct HangmanTests {
    /// Seed 12457 hides BEE: one letter in two places, and what is said with how much still hidden.
    @Test(
        arguments: [
            (["BEE"], [1 * 0.5 + 0.5]),
            (["E", "BEE"], [2.0 / 3 * 0.5, 1.0 / 3 * 0.5 + 0.5]),
            (["E", "B", "bee"], [2.0 / 3 * 0.5, 1.0 / 3 * 0.5, 0.5]),
            (["x", "bees", "be", "eeb", "Bee"], [0, 0, 0, 0, 1]),
        ] as [([String], [Double])])
    func paysForWhatWasHidden(_ guesses: [String], _ rewards: [Double]) throws {
        var player = try Player("game:Hangman-v0-easy")
        try player.reset(12457)
        let results = guesses.map { player.step("\\boxed{\($0)}") }
        #expect(results.map(\.reward) == rewards)
        #expect(results.map(\.terminated) == rewards.indices.map { $0 == rewards.count - 1 })
    }

    /// Saying the word ends the episode, but does not fill the board.
    @Test func keepsItsBlanksAtTheEnd() throws {
        var player = try Player("game:Hangman-v0-easy")
        try player.reset(12457)
        player.step(#"\boxed{b}"#)
        player.step(#"\boxed{"# + String(repeating: "bee", count: 30_000) + "}")
        #expect(player.text.contains("not the word"))
        player.step(#"\boxed{bee}"#)
        #expect(player.shows("C00 C01 C02\n  B   _   _"), "\(player.text)")
    }

    @Test func drawsTilesAndTheAlphabet() throws {
        var player = try Player("game:Hangman-v0-easy")
        try player.reset(12457)
        for letter in ["e", "a"] { player.step("\\boxed{\(letter)}") }
        #expect(player.render(.text) == " _  E  E \nturn 2/10 · guessed AE\n")
        let drawn = player.render(.ansi)
        #expect(drawn.hasPrefix("\u{1B}[97;100m _ \u{1B}[0m\u{1B}[1;30;42m E \u{1B}[0m"))
        #expect(drawn.contains("\n\u{1B}[90mA\u{1B}[0m B C D \u{1B}[1;32mE\u{1B}[0m F"))
    }
}
