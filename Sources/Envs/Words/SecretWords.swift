import GEM

/// The words of one length that Wordle and Hangman choose their secret from.
struct SecretWords: Sendable {
    private let list: WordList
    private let lines: [UInt32]

    /// The lengths that the basic list can offer at all.
    static let basicLengths = 2...14

    /// The words of the basic list, or with `isHardcore` of the large one; `nil` where there is none of this length.
    init?(length: Int, isHardcore: Bool = false) {
        list = isHardcore ? .large : .basic
        lines = isHardcore ? list.lines(ofLength: length) : Self.basic[length] ?? []
        if lines.isEmpty { return nil }
    }

    private static let basic = Dictionary(
        uniqueKeysWithValues: basicLengths.map { ($0, WordList.basic.lines(ofLength: $0)) })

    /// Draws a word, in capitals.
    func pick(from stream: inout MersenneTwister) -> [UInt8] { list[Int(stream.pick(lines))].map(uppercased) }
}
