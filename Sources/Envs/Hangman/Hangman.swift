import GEM

/// Find a secret word letter by letter, then say it.
///
/// - Action: `\boxed{A}` for a letter, `\boxed{word}` for the whole word, in any case of letters.
/// - Board: numbered columns `C00 C01 …`, and below each its letter or `_`.
/// - Rewards: half of the share of places that a letter reveals; for the word half of the share still hidden, plus one half.
/// - Endings: the word is said, the turn limit, unreadable text. As in GEM revealing the last letter does not end it.
/// - Source: GEM's Hangman, after TextArena.
struct Hangman: Game {
    var episode: Episode

    private let fixed: (words: SecretWords, length: Int, maxTurns: Int)?
    private let isHardcore: Bool
    private(set) var length = 0
    private var words: SecretWords?
    private var secret: [UInt8] = []
    private(set) var example: (word: [UInt8], letter: UInt8) = ([], 0)
    /// The letters guessed so far, one bit each.
    private var guessed: UInt32 = 0
    /// The board as the text that shows it.
    private(set) var board: [UInt8] = []

    /// A game with a `fixed` length of words, or with one drawn at every reset.
    init(fixed: (words: SecretWords, length: Int, maxTurns: Int)?, isHardcore: Bool, entropy: UInt64) {
        self.fixed = fixed
        self.isHardcore = isHardcore
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    mutating func begin(seed: Seed?) throws(Failure) {
        if let fixed {
            (words, length, episode.maxTurns) = (fixed.words, fixed.length, fixed.maxTurns)
        } else {
            (length, episode.maxTurns) = episode.stream.pick([(3, 10), (5, 15), (7, 20)])
            words = SecretWords(length: length, isHardcore: isHardcore)
        }
        guard let words else { throw Failure(.envFailed, "There is no word of \(length) letters.") }
        secret = words.pick(from: &episode.stream)
        example.word = words.pick(from: &episode.stream)
        example.letter = UInt8(ascii: "A") + UInt8(episode.stream.below(26))
        guessed = 0
        layOutBoard()
    }

    /// Reads one or more letters, in capitals; of a text that is too long no more than shows that it is.
    func read(_ action: Action) -> [UInt8]? {
        BoxedAction.last(in: action, ignoringCase: true) { text, cursor in
            var letters: [UInt8] = []
            while let letter = cursor.letter(in: text) {
                if letters.count <= length { letters.append(uppercased(letter)) }
            }
            return letters.isEmpty ? nil : letters
        }
    }

    mutating func play(_ move: [UInt8], message: inout Text) -> Play {
        move.count == 1 ? guess(letter: move[0], message: &message) : guess(word: move, message: &message)
    }

    private mutating func guess(letter: UInt8, message: inout Text) -> Play {
        message.append("the letter ")
        message.append(ascii: letter)
        guard !isGuessed(letter) else {
            message.append(" has been guessed before.")
            return .nothing
        }
        guessed |= bit(of: letter)
        var places = 0
        for place in 0..<length where secret[place] == letter {
            board[offset(of: place)] = letter
            places += 1
        }
        guard places > 0 else {
            message.append(" is not in the word.")
            return .nothing
        }
        message.append(" is in the word, number of places: ")
        message.append(places)
        message.append(".")
        return Play(reward: Double(places) / Double(length) * 0.5)
    }

    private func guess(word: [UInt8], message: inout Text) -> Play {
        guard word == secret else {
            message.append("that is not the word.")
            return .nothing
        }
        let hidden = (0..<length).count { board[offset(of: $0)] == UInt8(ascii: "_") }
        message.append("that is the word: solved.")
        return Play(reward: Double(hidden) / Double(length) * 0.5 + 0.5, ends: true)
    }

    mutating func sampleAction(into text: inout Text) {
        text.append(#"\boxed{"#)
        if episode.stream.below(2) == 1 {
            text.append(ascii: UInt8(ascii: "A") + UInt8(episode.stream.below(26)))
        } else if let words {
            text.append(utf8: words.pick(from: &episode.stream))
        }
        text.append("}")
    }

    private mutating func layOutBoard() {
        var text = Text()
        text.appendColumnNumbers(0..<length)
        text.append("\n")
        for _ in 0..<length { text.append("  _ ") }
        board = text.bytes
    }

    /// Whether a capital letter has been guessed.
    func isGuessed(_ letter: UInt8) -> Bool { guessed & bit(of: letter) != 0 }

    /// Whether a capital letter shows on the board.
    func isRevealed(_ letter: UInt8) -> Bool { (0..<length).contains { board[offset(of: $0)] == letter } }

    private func bit(of letter: UInt8) -> UInt32 { 1 << UInt32(letter - UInt8(ascii: "A")) }

    /// Where the letter of a place is in ``board``.
    func offset(of place: Int) -> Int { 4 * length + 4 * place + 2 }
}

extension Text {
    /// Appends `C00 C01 …`.
    mutating func appendColumnNumbers(_ columns: Range<Int>) {
        for column in columns {
            append(column == columns.lowerBound ? "C" : " C")
            append(twoDigits: column)
        }
    }

    /// Appends a number below 100 with a leading zero where it has one digit.
    mutating func append(twoDigits number: Int) {
        if number < 10 { append("0") }
        append(number)
    }
}

extension Hangman {
    static let specs = [spec("easy", 3, 10), spec("hard", 7, 20), spec("random", nil, nil)]

    private static func spec(_ variant: String, _ length: Int?, _ maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "Hangman", variant, summary: "Find a secret word letter by letter, then say it.",
            actionGrammar: #"\boxed{letter|word}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter(
                    "word_length", .integer(2...24), default: .of(length), isOptional: true,
                    summary: "Letters of the secret word."),
                Parameter(
                    "hardcore", .boolean, default: .boolean(false),
                    summary: "Whether the word comes from a large list of often rare words."),
            ]
        ) { arguments, entropy throws(Failure) in
            let isHardcore = arguments.boolean("hardcore") ?? false
            guard let length = arguments.integer("word_length"), let maxTurns = arguments.integer("max_turns") else {
                return Hangman(fixed: nil, isHardcore: isHardcore, entropy: entropy)
            }
            guard let words = SecretWords(length: length, isHardcore: isHardcore) else { throw .noWords(of: length) }
            return Hangman(fixed: (words, length, maxTurns), isHardcore: isHardcore, entropy: entropy)
        }
    }
}

extension Hangman {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try state.integer(&length, in: 2...24)
        if state.isReading { words = SecretWords(length: length, isHardcore: isHardcore) }
        try state.check(words != nil)
        try state.bytes(&secret, counts: length...length, in: 0x41...0x5A)
        try state.bytes(&example.word, counts: length...length, in: 0x41...0x5A)
        try state.byte(&example.letter, in: 0x41...0x5A)
        try state.word(&guessed)
        try state.check(guessed >> 26 == 0)
        guard state.isReading else { return }
        layOutBoard()
        for (place, letter) in secret.enumerated() where isGuessed(letter) { board[offset(of: place)] = letter }
    }
}
