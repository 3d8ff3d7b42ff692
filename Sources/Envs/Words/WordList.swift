import Synchronization
import WordLists

/// One of the built-in lists of English words, in its own order: environments draw positions in it.
///
/// A list is a view of read-only bytes of the program file, one for the whole process. Reading a word touches the page
/// it is on and one entry of the table of starts, nothing else.
final class WordList: Sendable {
    /// Ogden's Basic English: 850 words, all lower-case but `I`.
    static let basic = WordList(word_list_basic())
    /// Webster's Second: 235,886 words in ASCII of up to 24 letters, names capitalised, two of them hyphenated.
    static let large = WordList(word_list_large())

    /// The number of words.
    let count: Int
    // Both point at constants of the program file, which nobody writes and which live as long as the process.
    private nonisolated(unsafe) let bytes: UnsafeBufferPointer<UInt8>
    private nonisolated(unsafe) let starts: UnsafeBufferPointer<UInt32>
    /// Where the plain words of the lengths asked for so far start.
    private let plainStarts = Mutex<[Int: [UInt32]]>([:])

    private init(_ list: word_list) {
        let stride = word_list_stride
        count = list.count
        bytes = UnsafeBufferPointer(start: list.bytes, count: list.size)
        starts = UnsafeBufferPointer(start: list.starts, count: (list.count + stride - 1) / stride)
    }

    /// The word at `position`, which is below ``count``.
    subscript(position: Int) -> [UInt8] {
        precondition(position >= 0 && position < count, "a word list has no such position")
        let stride = word_list_stride
        var start = Int(starts[position / stride])
        for _ in 0..<position % stride { start = lineEnd(from: start) + 1 }
        return Array(bytes[start..<lineEnd(from: start)])
    }

    /// The words of `length` lower-case letters and nothing else, in the order of the list.
    ///
    /// The list is searched once for each length in a process; all copies of the answer share it.
    func plainWords(ofLength length: Int) -> PlainWords {
        let found = plainStarts.withLock { known in
            if let found = known[length] { return found }
            let found = search(length)
            known[length] = found
            return found
        }
        return PlainWords(list: self, length: length, starts: found)
    }

    private func search(_ length: Int) -> [UInt32] {
        var found: [UInt32] = []
        var start = 0
        var allPlain = true
        for (index, byte) in bytes.enumerated() {
            if byte == 0x0A {
                if allPlain && index - start == length { found.append(UInt32(start)) }
                start = index + 1
                allPlain = true
            } else if byte < 0x61 || byte > 0x7A {
                allPlain = false
            }
        }
        return found
    }

    fileprivate func word(at start: UInt32, length: Int) -> [UInt8] {
        Array(bytes[Int(start)..<Int(start) + length])
    }

    private func lineEnd(from start: Int) -> Int {
        var end = start
        while bytes[end] != 0x0A { end += 1 }
        return end
    }
}

/// The words of one length in a ``WordList`` that are made of lower-case letters only.
struct PlainWords: RandomAccessCollection, Sendable {
    fileprivate let list: WordList
    /// The number of letters of each word.
    let length: Int
    fileprivate let starts: [UInt32]

    var startIndex: Int { 0 }
    var endIndex: Int { starts.count }

    subscript(position: Int) -> [UInt8] { list.word(at: starts[position], length: length) }
}

/// An ASCII letter in capitals; any other byte as it is.
func uppercased(_ byte: UInt8) -> UInt8 { (0x61...0x7A) ~= byte ? byte & 0xDF : byte }
