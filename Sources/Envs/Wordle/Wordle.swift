import GEM

/// Find a secret word by marked guesses.
///
/// - Action: `\boxed{apple}` in any case of letters; blanks between letters are dropped.
/// - Observation: no board; a new guess of the right length is answered by two lines, the guess in capitals and its marks as
///   `['G', 'Y', 'X']`: right place, elsewhere in the word, not in it.
/// - Rewards: half a letter's share for each place that is right for the first time, and one half for the word.
/// - Endings: the word is found, the turn limit, unreadable text.
/// - Source: GEM's Wordle, after TextArena. Any string of the right length is a guess, a real word or not.
struct Wordle: Game {
    var episode: Episode

    private let fixed: (words: SecretWords, length: Int, maxTurns: Int)?
    private(set) var length = 0
    private var words: SecretWords?
    private var secret: [UInt8] = []
    private(set) var example: [UInt8] = []
    private var rightPlaces: [Bool] = []
    private(set) var guesses: [Guess] = []

    /// A guess and its marks, one character each: `G`, `Y` or `X`.
    struct Guess {
        var characters: [Unicode.Scalar]
        var marks: [UInt8]
    }

    /// A game with a `fixed` length of words, or with one drawn at every reset.
    init(fixed: (words: SecretWords, length: Int, maxTurns: Int)?, entropy: UInt64) {
        self.fixed = fixed
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    mutating func begin(seed: Seed?) throws(Failure) {
        if let fixed {
            (words, length, episode.maxTurns) = (fixed.words, fixed.length, fixed.maxTurns)
        } else {
            length = episode.stream.between(3, 5)
            episode.maxTurns = 5 * length
            words = SecretWords(length: length)
        }
        guard let words else { throw Failure(.envFailed, "There is no word of \(length) letters.") }
        secret = words.pick(from: &episode.stream)
        example = words.pick(from: &episode.stream)
        rightPlaces = Array(repeating: false, count: length)
        guesses.removeAll(keepingCapacity: true)
    }

    /// Reads the letters in capitals, and blanks other than U+0020, which count as characters; of an overlong text no more
    /// than shows that it is one.
    func read(_ action: Action) -> [Unicode.Scalar]? {
        BoxedAction.last(in: action) { text, cursor in
            guard let first = cursor.letter(in: text) else { return nil }
            var guess = [Unicode.Scalar(uppercased(first))]
            var blanks: [Unicode.Scalar] = []
            while true {
                if let letter = cursor.letter(in: text) {
                    if guess.count <= length {
                        guess += blanks
                        guess.append(Unicode.Scalar(uppercased(letter)))
                    }
                    blanks.removeAll(keepingCapacity: true)
                } else if let blank = cursor.blank(in: text) {
                    if blank != " " && blanks.count <= length { blanks.append(blank) }
                    if cursor.isAt(UInt8(ascii: "}"), in: text) { return nil }
                } else {
                    return guess
                }
            }
        }
    }

    mutating func play(_ move: [Unicode.Scalar], message: inout Text) -> Play {
        guard move.count == length else {
            message.append("your guess must have ")
            message.append(length)
            message.append(" letters.")
            return .nothing
        }
        guard !guesses.contains(where: { $0.characters == move }) else {
            message.append("you have guessed this before.")
            return .nothing
        }
        let guess = marked(move)
        guesses.append(guess)
        var play = Play()
        for place in 0..<length where guess.marks[place] == Self.right && !rightPlaces[place] {
            rightPlaces[place] = true
            play.reward += 1 / Double(length) * 0.5
        }
        if guess.marks.allSatisfy({ $0 == Self.right }) {
            play.reward += 0.5
            play.ends = true
        }
        message.append("your guess and its marks:\n")
        write(guess, into: &message)
        if play.ends { message.append("\nThat is the word: solved.") }
        return play
    }

    static let right = UInt8(ascii: "G")
    static let elsewhere = UInt8(ascii: "Y")
    static let absent = UInt8(ascii: "X")

    private func marked(_ guess: [Unicode.Scalar]) -> Guess {
        var unused = secret
        var marks = Array(repeating: Self.absent, count: length)
        for place in 0..<length where guess[place].value == UInt32(secret[place]) {
            marks[place] = Self.right
            unused[place] = 0
        }
        for place in 0..<length where marks[place] != Self.right {
            guard let match = unused.firstIndex(where: { UInt32($0) == guess[place].value }) else { continue }
            marks[place] = Self.elsewhere
            unused[match] = 0
        }
        return Guess(characters: guess, marks: marks)
    }

    mutating func sampleAction(into text: inout Text) {
        text.append(#"\boxed{"#)
        if let words { text.append(utf8: words.pick(from: &episode.stream)) }
        text.append("}")
    }
}

extension Wordle {
    static let specs = [spec("easy", 3, 15), spec("hard", 5, 25), spec("random", nil, nil)]

    private static func spec(_ variant: String, _ length: Int?, _ maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "Wordle", variant, summary: "Find a secret word by marked guesses.", actionGrammar: #"\boxed{word}"#,
            rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter(
                    "word_length", .integer(SecretWords.basicLengths), default: .of(length), isOptional: true,
                    summary: "Letters of the secret word."),
                Parameter(
                    "only_real_words", .boolean, default: .boolean(true),
                    summary: "Accepted for compatibility; any string of the right length is a guess."),
            ]
        ) { arguments, entropy throws(Failure) in
            guard let length = arguments.integer("word_length"), let maxTurns = arguments.integer("max_turns") else {
                return Wordle(fixed: nil, entropy: entropy)
            }
            guard let words = SecretWords(length: length) else { throw .noWords(of: length) }
            return Wordle(fixed: (words, length, maxTurns), entropy: entropy)
        }
    }
}

extension Failure {
    /// The argument asks for words that the list does not have.
    static func noWords(of length: Int) -> Failure {
        .impossible("The word list has no word of \(length) letters; choose another word_length.")
    }
}
