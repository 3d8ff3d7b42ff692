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
    private var secret = Row()
    private(set) var example: [UInt8] = []
    /// The places that have been right so far, one bit each.
    private var rightPlaces: UInt16 = 0
    private(set) var guesses: [Guess] = []

    /// One byte for each place; no word has more than 14 letters, so a row is one register.
    typealias Row = SIMD16<UInt8>

    /// A guess, one ``WordleCharacter`` a place, and its marks, one ``Mark`` a place.
    struct Guess {
        var characters: Row
        var marks: Row
    }

    /// What a guess's character says about the secret.
    enum Mark {
        static let right = UInt8(ascii: "G")
        static let elsewhere = UInt8(ascii: "Y")
        static let absent = UInt8(ascii: "X")
    }

    /// The characters that were read, and how many there were; of an overlong text no more than shows that it is one.
    struct Move {
        fileprivate(set) var characters = Row()
        fileprivate(set) var count = 0

        fileprivate mutating func append(_ character: UInt8) {
            if count < Row.scalarCount { characters[count] = character }
            if count <= Row.scalarCount { count += 1 }
        }
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
        secret = Row()
        for (place, letter) in words.pick(from: &episode.stream).enumerated() { secret[place] = letter }
        example = words.pick(from: &episode.stream)
        rightPlaces = 0
        guesses.removeAll(keepingCapacity: true)
    }

    /// Reads letters with blanks between them. Blanks other than U+0020 count as characters of the guess.
    func read(_ action: Action) -> Move? {
        BoxedAction.last(in: action) { text, cursor in
            var move = Move()
            guard let first = cursor.letter(in: text) else { return nil }
            move.append(uppercased(first))
            while true {
                if let letter = cursor.letter(in: text) {
                    move.append(uppercased(letter))
                } else if let blank = cursor.blank(in: text) {
                    if blank != " " { move.append(WordleCharacter.code(ofBlank: blank)) }
                    if cursor.isAt(UInt8(ascii: "}"), in: text) { return nil }
                } else {
                    return move
                }
            }
        }
    }

    mutating func play(_ move: Move, message: inout Text) -> Play {
        guard move.count == length else {
            message.append("your guess must have ")
            message.append(length)
            message.append(" letters.")
            return .nothing
        }
        guard !guesses.contains(where: { $0.characters == move.characters }) else {
            message.append("you have guessed this before.")
            return .nothing
        }
        let guess = marked(move.characters)
        guesses.append(guess)
        var play = Play()
        var allRight = true
        for place in 0..<length {
            guard guess.marks[place] == Mark.right else {
                allRight = false
                continue
            }
            guard rightPlaces & 1 << UInt16(place) == 0 else { continue }
            rightPlaces |= 1 << UInt16(place)
            play.reward += 1 / Double(length) * 0.5
        }
        if allRight {
            play.reward += 0.5
            play.ends = true
        }
        message.append("your guess and its marks:\n")
        write(guess, into: &message)
        if play.ends { message.append("\nThat is the word: solved.") }
        return play
    }

    private func marked(_ characters: Row) -> Guess {
        var unused = secret
        var marks = Row(repeating: Mark.absent)
        for place in 0..<length where characters[place] == secret[place] {
            marks[place] = Mark.right
            unused[place] = 0
        }
        for place in 0..<length where marks[place] != Mark.right {
            guard let match = (0..<length).first(where: { unused[$0] == characters[place] }) else { continue }
            marks[place] = Mark.elsewhere
            unused[match] = 0
        }
        return Guess(characters: characters, marks: marks)
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

extension Wordle {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try state.integer(&length, in: SecretWords.basicLengths)
        if state.isReading { words = SecretWords(length: length) }
        try state.check(words != nil)
        let length = length
        try state.row(&secret, length: length)
        try state.bytes(&example, counts: length...length, in: 0x41...0x5A)
        try state.check((0..<length).allSatisfy { 0x41...0x5A ~= secret[$0] })
        var rows = guesses.map(\.characters)
        try state.list(&rows, counts: 0...episode.turn, like: Row()) { (state, row) throws(Failure) in
            try state.row(&row, length: length)
        }
        guard state.isReading else { return }
        guesses = rows.map(marked)
        rightPlaces = 0
        for guess in guesses {
            for place in 0..<length where guess.marks[place] == Mark.right { rightPlaces |= 1 << UInt16(place) }
        }
    }
}

extension StateCoder {
    /// The first `length` characters of a row; the others are 0.
    fileprivate mutating func row(_ row: inout Wordle.Row, length: Int) throws(Failure) {
        for place in 0..<length {
            try byte(&row[place])
            try check(WordleCharacter.isCode(row[place]))
        }
    }
}
