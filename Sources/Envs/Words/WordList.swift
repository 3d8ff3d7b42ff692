import WordLists

/// A list of words that is part of the program: text with one word a line.
///
/// Words are found by position. Only every 64th line's offset is kept, so the large list costs a sandbox 15 KB.
///
/// `@unchecked` because of the pointer: it points into the program's read-only image, which nobody changes or unmaps.
struct WordList: @unchecked Sendable {
    /// A word's bytes.
    typealias Word = Slice<UnsafeBufferPointer<UInt8>>

    /// Ogden's Basic English.
    static let basic = WordList(word_lists_basic)
    /// Webster's Second.
    static let large = WordList(word_lists_large)

    private static let stride = 64

    /// How many words there are.
    let count: Int
    private let text: UnsafeBufferPointer<UInt8>
    /// Where lines 0, 64, 128, … begin.
    private let marks: [UInt32]

    init(_ list: (UnsafeMutablePointer<Int>) -> UnsafePointer<UInt8>) {
        var bytes = 0
        let start = list(&bytes)
        let text = UnsafeBufferPointer(start: start, count: bytes)
        var marks: [UInt32] = []
        var lines = 0
        var isLineStart = true
        for (offset, byte) in text.enumerated() {
            if isLineStart {
                if lines % Self.stride == 0 { marks.append(UInt32(offset)) }
                lines += 1
            }
            isLineStart = byte == UInt8(ascii: "\n")
        }
        self.text = text
        self.marks = marks
        count = lines
    }

    /// The word on line `index`, counted from 0.
    subscript(index: Int) -> Word {
        precondition(0..<count ~= index, "a word list has no such line")
        var start = Int(marks[index / Self.stride])
        for _ in 0..<index % Self.stride { start = endOfLine(from: start) + 1 }
        return text[start..<endOfLine(from: start)]
    }

    /// The lines of the words of `length` letters that are all lower-case ASCII letters, in list order.
    func lines(ofLength length: Int) -> [UInt32] {
        var lines: [UInt32] = []
        var start = 0
        for line in 0..<UInt32(count) {
            let end = endOfLine(from: start)
            if end - start == length, text[start..<end].allSatisfy({ (0x61...0x7A) ~= $0 }) { lines.append(line) }
            start = end + 1
        }
        return lines
    }

    private func endOfLine(from start: Int) -> Int {
        var end = start
        while end < text.count, text[end] != UInt8(ascii: "\n") { end += 1 }
        return end
    }
}

/// An ASCII letter in capitals; any other byte as it is.
func uppercased(_ byte: UInt8) -> UInt8 { (0x61...0x7A) ~= byte ? byte & 0xDF : byte }
