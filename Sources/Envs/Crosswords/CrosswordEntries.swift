import WordLists

/// A word and its clue.
struct CrosswordEntry: Sendable {
    let word: [UInt8]
    let clue: [UInt8]

    /// The words of either level, in list order.
    static let easy = entries(level: "easy")
    static let hard = entries(level: "hard")

    private static func entries(level: StaticString) -> [CrosswordEntry] {
        var bytes = 0
        let start = word_lists_crossword(&bytes)
        return UnsafeBufferPointer(start: start, count: bytes).split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: "\t"))
            guard fields.count == 3, fields[0].elementsEqual(level.withUTF8Buffer(Array.init)) else { return nil }
            return CrosswordEntry(word: Array(fields[1]), clue: Array(fields[2]))
        }
    }
}
