import GEM

/// Find a secret code of numbers by black and white pegs.
///
/// - Action: `\boxed{3 1 4}`: as many numbers as the code is long, one or more blanks between them.
/// - Observation: no board; every new legal guess is answered by `B black peg(s) and W white peg(s)`.
/// - Rewards: the growth of the best number of black pegs so far, over the code's length; an episode adds up to 1 at most.
/// - Endings: the code is found, the turn limit, unreadable text.
/// - Source: GEM's Mastermind, after TextArena.
struct Mastermind: Game {
    var episode: Episode

    /// What a game is played with.
    typealias Setup = (length: Int, numbers: Int, maxTurns: Int)

    static let longestCode = 10
    static let mostNumbers = 63

    private let fixed: Setup?
    let allowsDuplicates: Bool
    private(set) var length = 0
    private(set) var numbers = 0
    private var code: [Int] = []
    private(set) var example: [Int] = []
    private var best = 0
    private(set) var guesses: [Guess] = []

    /// A guess and what it was worth.
    struct Guess: Equatable {
        var numbers: [Int]
        var black = 0
        var white = 0
    }

    /// A game of `fixed` size, or of a size drawn at every reset.
    init(fixed: Setup?, allowsDuplicates: Bool, entropy: UInt64) {
        self.fixed = fixed
        self.allowsDuplicates = allowsDuplicates
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    mutating func begin(seed: Seed?) {
        (length, numbers, episode.maxTurns) =
            fixed ?? episode.stream.pick([(2, 4, 10), (4, 6, 20), (4, 8, 30)])
        code =
            allowsDuplicates
            ? episode.stream.choices(1...numbers, length) : episode.stream.sample(1...numbers, length)
        example = episode.stream.sample(1...numbers, length)
        best = 0
        guesses.removeAll(keepingCapacity: true)
    }

    /// Reads any number of numbers, but keeps no more than can matter.
    func read(_ action: Action) -> [Int]? {
        BoxedAction.last(in: action) { text, cursor in
            guard let first = cursor.number(in: text) else { return nil }
            var numbers = [first]
            while cursor.blanks(in: text) > 0 {
                guard let number = cursor.number(in: text) else { return nil }
                if numbers.count <= Self.longestCode { numbers.append(number) }
            }
            return numbers
        }
    }

    mutating func play(_ move: [Int], message: inout Text) -> Play {
        guard move.count == length else {
            message.append("your guess must have ")
            message.append(length)
            message.append(" numbers.")
            return .nothing
        }
        guard move.allSatisfy({ 1...numbers ~= $0 }) else {
            message.append("every number must be from 1 to ")
            message.append(numbers)
            message.append(".")
            return .nothing
        }
        guard !guesses.contains(where: { $0.numbers == move }) else {
            message.append("you have made this guess before.")
            return .nothing
        }
        let guess = judged(move)
        guesses.append(guess)
        message.append("your guess ")
        message.append(list: move)
        message.append(" has ")
        message.append(guess.black)
        message.append(" black peg(s) and ")
        message.append(guess.white)
        message.append(" white peg(s).")
        var play = Play()
        if guess.black > best {
            play.reward = Double(guess.black - best) / Double(length)
            best = guess.black
        }
        if guess.black == length {
            message.append(" That is the code: solved.")
            play.ends = true
        }
        return play
    }

    private func judged(_ numbers: [Int]) -> Guess {
        var guess = Guess(numbers: numbers)
        var common = 0
        for place in 0..<length {
            if numbers[place] == code[place] { guess.black += 1 }
            // The n-th occurrence of a number counts if the code has n of them.
            let occurrence = (0...place).count { numbers[$0] == numbers[place] }
            if code.count(where: { $0 == numbers[place] }) >= occurrence { common += 1 }
        }
        guess.white = common - guess.black
        return guess
    }

    mutating func sampleAction(into text: inout Text) {
        text.append(#"\boxed{"#)
        text.append(list: episode.stream.sample(1...numbers, length))
        text.append("}")
    }
}

extension Text {
    /// Appends numbers with single blanks between them.
    mutating func append(list numbers: [Int]) {
        for (index, number) in numbers.enumerated() {
            if index > 0 { append(" ") }
            append(number)
        }
    }
}

extension Mastermind {
    static let specs = [spec("easy", 2, 6, 10), spec("hard", 4, 8, 30), spec("random", nil, nil, nil)]

    private static func spec(_ variant: String, _ length: Int?, _ numbers: Int?, _ maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "Mastermind", variant, summary: "Find a secret code of numbers by black and white pegs.",
            actionGrammar: #"\boxed{number number …}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter(
                    "code_length", .integer(1...longestCode), default: .of(length), isOptional: true,
                    summary: "Numbers in the code; at most num_numbers."),
                Parameter(
                    "num_numbers", .integer(1...mostNumbers), default: .of(numbers), isOptional: true,
                    summary: "The code's numbers go from 1 to this."),
                Parameter(
                    "duplicate_numbers", .boolean, default: .boolean(false),
                    summary: "Whether a number may occur in the code more than once."),
            ]
        ) { arguments, entropy throws(Failure) in
            let allowsDuplicates = arguments.boolean("duplicate_numbers") ?? false
            guard let length = arguments.integer("code_length"), let numbers = arguments.integer("num_numbers"),
                let maxTurns = arguments.integer("max_turns")
            else { return Mastermind(fixed: nil, allowsDuplicates: allowsDuplicates, entropy: entropy) }
            // The example guess never repeats a number, so this holds for codes with duplicates too.
            guard length <= numbers else {
                throw .impossible("code_length \(length) is larger than num_numbers \(numbers); lower it.")
            }
            return Mastermind(
                fixed: (length, numbers, maxTurns), allowsDuplicates: allowsDuplicates, entropy: entropy)
        }
    }
}

extension Mastermind {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try state.integer(&numbers, in: 1...Self.mostNumbers)
        try state.integer(&length, in: 1...min(numbers, Self.longestCode))
        try codeNumbers(&code, &state)
        try codeNumbers(&example, &state)
        var rows = guesses.map(\.numbers)
        let game = self
        try state.list(&rows, counts: 0...episode.turn, like: []) { (state, row) throws(Failure) in
            try game.codeNumbers(&row, &state)
        }
        guard state.isReading else { return }
        guesses = rows.map(judged)
        best = guesses.map(\.black).max() ?? 0
    }

    private func codeNumbers(_ row: inout [Int], _ state: inout StateCoder) throws(Failure) {
        if state.isReading { row = Array(repeating: 1, count: length) }
        for place in row.indices { try state.integer(&row[place], in: 1...numbers) }
    }
}
