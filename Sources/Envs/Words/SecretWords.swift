import GEM

/// The words of one length that Wordle and Hangman choose their secret from.
struct SecretWords: Sendable {
    private let words: PlainWords

    /// The lengths that the basic list can offer at all.
    static let basicLengths = 2...14

    /// The words of the basic list, or with `isHardcore` of the large one; `nil` where there is none of this length.
    init?(length: Int, isHardcore: Bool = false) {
        words = (isHardcore ? WordList.large : .basic).plainWords(ofLength: length)
        if words.isEmpty { return nil }
    }

    /// Draws a word, in capitals.
    func pick(from stream: inout MersenneTwister) -> [UInt8] { stream.pick(words).map(uppercased) }
}
