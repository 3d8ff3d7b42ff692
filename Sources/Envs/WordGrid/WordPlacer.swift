import GEM

/// Lays words across and down on a square so that they cross, as GEM's crosswords and word searches do.
struct WordPlacer {
    /// Which way a word runs.
    enum Way: CaseIterable, Sendable { case across, down }

    /// A word and where it begins.
    struct Placed: Sendable {
        /// Its position in the order of placing.
        var index: Int
        var word: [UInt8]
        var row: Int
        var column: Int
        var way: Way

        /// Row and column of its letter number `offset`.
        func cell(_ offset: Int) -> (row: Int, column: Int) {
            way == .across ? (row, column + offset) : (row + offset, column)
        }
    }

    let side: Int
    /// Row by row; 0 is a cell without a letter.
    private(set) var cells: [UInt8]
    private(set) var placed: [Placed] = []

    /// Draws a way for each of `words`, which come in the order of placing, and places what can be placed.
    ///
    /// With `filtersCrossings` only crossings at which the word fits are shuffled; without, all are and the first that fits
    /// is taken. Equal words share the last one's way and place.
    init(placing words: [[UInt8]], filtersCrossings: Bool, _ stream: inout MersenneTwister) {
        let longest = words.map(\.count).max() ?? 0
        // One and a half times the longest word; halves are rounded to the even neighbour.
        let lower = longest * 3 / 2
        side = longest * 3 % 2 == 1 && lower % 2 == 1 ? lower + 1 : lower
        cells = Array(repeating: 0, count: side * side)
        let drawn = words.map { _ in stream.pick(Way.allCases) }
        for (index, word) in words.enumerated() {
            let way = words.lastIndex(of: word).map { drawn[$0] } ?? drawn[index]
            guard
                let start = index == 0
                    ? middle(word, way) : crossing(word, way, filtersCrossings, &stream) ?? firstFit(word, way)
            else { continue }
            put(Placed(index: index, word: word, row: start.row, column: start.column, way: way))
        }
    }

    private typealias Start = (row: Int, column: Int)

    private func middle(_ word: [UInt8], _ way: Way) -> Start {
        let inset = (side - word.count) / 2
        return way == .across ? (side / 2, inset) : (inset, side / 2)
    }

    /// A start at which the word shares a letter with a placed word that runs the other way.
    private func crossing(
        _ word: [UInt8], _ way: Way, _ filters: Bool, _ stream: inout MersenneTwister
    ) -> Start? {
        var starts: [Start] = []
        for other in placed where other.way != way {
            for (offset, letter) in word.enumerated() {
                for (otherOffset, otherLetter) in other.word.enumerated() where letter == otherLetter {
                    let cell = other.cell(otherOffset)
                    let start = way == .across ? (cell.row, cell.column - offset) : (cell.row - offset, cell.column)
                    guard 0..<side ~= start.0, 0..<side ~= start.1 else { continue }
                    if !filters || fits(word, way, at: start) { starts.append(start) }
                }
            }
        }
        stream.mix(&starts)
        return starts.first { fits(word, way, at: $0) }
    }

    private func firstFit(_ word: [UInt8], _ way: Way) -> Start? {
        for row in 0..<side {
            for column in 0..<side where fits(word, way, at: (row, column)) { return (row, column) }
        }
        return nil
    }

    private func fits(_ word: [UInt8], _ way: Way, at start: Start) -> Bool {
        guard (way == .across ? start.column : start.row) + word.count <= side else { return false }
        var cell = start.row * side + start.column
        for letter in word {
            guard cells[cell] == 0 || cells[cell] == letter else { return false }
            cell += way == .across ? 1 : side
        }
        return true
    }

    private mutating func put(_ word: Placed) {
        for (offset, letter) in word.word.enumerated() {
            let cell = word.cell(offset)
            cells[cell.row * side + cell.column] = letter
        }
        if let same = placed.firstIndex(where: { $0.word == word.word }) {
            placed[same] = word
        } else {
            placed.append(word)
        }
    }

    /// Longest first; equal lengths stay in the order in which they were drawn.
    static func order<Word>(_ words: [Word], by length: (Word) -> Int) -> [Word] {
        words.enumerated().sorted { (-length($0.element), $0.offset) < (-length($1.element), $1.offset) }.map(\.element)
    }
}
