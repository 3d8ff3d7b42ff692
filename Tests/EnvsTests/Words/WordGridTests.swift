import GEM
import Testing

@testable import Envs

@Suite struct WordGridTests {
    /// One and a half times the longest word; a half goes to the even neighbour.
    @Test(arguments: [(1, 2), (2, 3), (3, 4), (4, 6), (5, 8), (7, 10), (9, 14), (24, 36)])
    func sizesTheSquare(_ length: Int, _ side: Int) {
        var stream = MersenneTwister(seed: 1)
        let word = [UInt8](repeating: 0x61, count: length)
        let placer = WordPlacer(placing: [word], filtersCrossings: true, &stream)
        #expect(placer.side == side && placer.placed.count == 1)
    }

    /// Whatever is drawn, words lie inside, agree where they cross, and are the letters of the board.
    @Test(arguments: [false, true])
    func laysWordsThatAgree(_ filters: Bool) {
        for seed in 0..<60 as Range<UInt64> {
            var stream = MersenneTwister(seed: seed)
            let drawn = stream.sample(20, below: WordList.large.count).map { WordList.large[$0].map(uppercased) }
            let placer = WordPlacer(
                placing: WordPlacer.order(drawn, by: \.count), filtersCrossings: filters, &stream)
            var used = Set<Int>()
            for word in placer.placed {
                for (offset, letter) in word.word.enumerated() {
                    let (row, column) = word.cell(offset)
                    guard 0..<placer.side ~= row, 0..<placer.side ~= column else {
                        Issue.record("seed \(seed): a letter outside the square")
                        return
                    }
                    used.insert(row * placer.side + column)
                    if placer.cells[row * placer.side + column] != letter { Issue.record("seed \(seed): overwritten") }
                }
            }
            #expect(placer.cells.indices.filter { placer.cells[$0] != 0 }.count >= used.count)
            #expect(!placer.placed.isEmpty && Set(placer.placed.map(\.word)).count == placer.placed.count)
        }
    }

    /// Two draws that are equal once capitalised are one word to find, at the later place.
    @Test func equalWordsShareAPlace() {
        for seed in 0..<20 as Range<UInt64> {
            var stream = MersenneTwister(seed: seed)
            let words = ["POLISH", "POLISH", "TEA"].map { Array($0.utf8) }
            let placer = WordPlacer(placing: words, filtersCrossings: false, &stream)
            #expect(placer.placed.map(\.word).count { $0 == words[0] } == 1)
            #expect(placer.placed.first?.index == 1)
        }
    }

    @Test func ordersByLengthAndThenAsDrawn() {
        let words = ["it", "sea", "a", "tree", "an", "tea"]
        #expect(WordPlacer.order(words, by: \.count) == ["tree", "sea", "tea", "it", "an", "a"])
    }

    @Test func showsTheBoardAsGEMLaysItOut() {
        var board = LetterBoard(side: 2, symbols: Array("AB.D".utf8))
        board.bracket(3)
        board[0] = UInt8(ascii: "Z")
        #expect(String(decoding: board.text, as: UTF8.self) == "   C00 C01\nR00  Z   B  \nR01  .  [D] ")
        #expect((0..<4).map { board.isBracketed($0) } == [false, false, false, true])
        let wide = LetterBoard(side: 36, symbols: Array(repeating: UInt8(ascii: "q"), count: 36 * 36))
        let lines = String(decoding: wide.text, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 37 && lines[0].hasSuffix(" C34 C35") && lines[36].hasPrefix("R35  q   q"))
    }
}
