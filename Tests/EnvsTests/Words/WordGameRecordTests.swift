import GEM
import Testing

@testable import Envs

/// What GEM 0.1.0 gave for arguments that no registered id has: long and rare words, crowded boards, words that are equal
/// once capitalised. One number stands for ten episodes of seeds 0 to 9, each up to four sampled actions long: FNV-1a
/// over every board, sampled action and reward (the 64 bits of the double, lowest byte first).
struct Recorded: Sendable, CustomTestStringConvertible {
    let game: String
    /// The length of the word, or the number of words.
    let size: Int
    let maxTurns: Int
    let isHardcore: Bool
    let digest: UInt64

    init(_ game: String, _ size: Int, _ maxTurns: Int, _ isHardcore: Bool, _ digest: UInt64) {
        (self.game, self.size, self.maxTurns, self.isHardcore, self.digest) = (game, size, maxTurns, isHardcore, digest)
    }

    var testDescription: String { "\(game) \(size) \(maxTurns) \(isHardcore)" }

    var overrides: [String: Parameter.Value] {
        var overrides: [String: Parameter.Value] = ["max_turns": .integer(maxTurns)]
        overrides[game == "Wordle" || game == "Hangman" ? "word_length" : "num_words"] = .integer(size)
        if game != "Wordle" { overrides["hardcore"] = .boolean(isHardcore) }
        return overrides
    }
}

@Suite struct WordGameRecordTests {
    static let records: [Recorded] = [
        Recorded("Wordle", 2, 9, false, 0xAAC7B6452FA809BE),
        Recorded("Wordle", 4, 30, false, 0x619A182E5F986A97),
        Recorded("Wordle", 8, 20, false, 0x3471AB8C12A12E8B),
        Recorded("Wordle", 11, 12, false, 0xD1FC90ACEB2AC4CB),
        Recorded("Wordle", 13, 3, false, 0x7FD7E299C194DEDF),
        Recorded("Wordle", 14, 5, false, 0x6F5F48D47F520929),
        Recorded("Hangman", 2, 15, false, 0x207DD638ACC9BBFA),
        Recorded("Hangman", 5, 20, true, 0x651E624110D0D15A),
        Recorded("Hangman", 7, 20, true, 0x14926A89D9E7B8A6),
        Recorded("Hangman", 12, 30, true, 0x14C48A7FD2DC3279),
        Recorded("Hangman", 24, 15, true, 0x1D1FA3003EDAE6EC),
        Recorded("Hangman", 14, 9, false, 0x8AC6F83BD53B14BA),
        Recorded("WordSearch", 1, 6, true, 0x2087BCEE76ACB235),
        Recorded("WordSearch", 2, 9, false, 0x8D2DECFBA945D9DA),
        Recorded("WordSearch", 12, 20, true, 0x00B1860B01169712),
        Recorded("WordSearch", 30, 25, false, 0x012DCA004D0B090D),
        Recorded("WordSearch", 50, 40, true, 0x0DF01C41A75FA519),
        Recorded("WordSearch", 50, 20, false, 0x1053AFDDECDF12DE),
        Recorded("Crosswords", 1, 10, true, 0x109D8359B0A8FB0A),
        Recorded("Crosswords", 2, 30, false, 0xBE4E4CF268C86EF1),
        Recorded("Crosswords", 10, 30, true, 0x6672BFD2BE9F8B62),
        Recorded("Crosswords", 25, 20, false, 0x402CE0D5BE43E349),
        Recorded("Crosswords", 50, 40, true, 0x6F817235E42D50DB),
        Recorded("Crosswords", 50, 20, false, 0x62EF6E1507EABB47),
    ]

    @Test(arguments: records)
    func givesWhatGEMGave(_ record: Recorded) throws {
        var player = try Player("game:\(record.game)-v0-hard", record.overrides)
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        for seed in 0..<10 as Range<Seed> {
            try player.reset(seed)
            mix(board(player.text).utf8)
            for _ in 0..<4 {
                let action = player.sampleAction()
                let result = player.step(action)
                mix(action.utf8)
                mix((0..<8).map { UInt8(truncatingIfNeeded: result.reward.bitPattern >> ($0 * 8)) })
                mix(board(player.text).utf8)
                if result.terminated { break }
            }
        }
        #expect(digest == record.digest)
    }

    /// The lines of a board, without blanks at their ends.
    private func board(_ text: String) -> String {
        text.split(separator: "\n").filter { line in
            line.drop { $0 == " " }.hasPrefix("C00") || line.wholeMatch(of: /R\d\d .*/) != nil
        }.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }.joined(separator: "\n")
    }
}
