import GEM

/// Find a secret number by "higher" and "lower".
///
/// - Action: `\boxed{12}`. Zero counts as unreadable, as in GEM.
/// - Observation: no board; every new guess inside the range is answered by `higher than G` or `lower than G`.
/// - Rewards: 1 for the secret; at the turn limit 1 − distance / (max − min) for a guess inside the range; otherwise 0.
/// - Endings: the secret is found, the turn limit, unreadable text.
/// - Source: GEM's GuessTheNumber, after TextArena.
struct GuessTheNumber: Game {
    var episode: Episode

    private let fixed: (range: ClosedRange<Int>, maxTurns: Int)?
    private(set) var range = 1...1
    private var secret = 0
    private(set) var example = 0
    /// Every guess inside the range, in the order in which they came.
    private(set) var guesses: [Int] = []

    /// A game on `fixed` bounds, or on bounds drawn at every reset.
    init(fixed: (range: ClosedRange<Int>, maxTurns: Int)?, entropy: UInt64) {
        self.fixed = fixed
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    mutating func begin(seed: Seed?) {
        if let fixed {
            (range, episode.maxTurns) = fixed
        } else {
            let low = episode.stream.between(1, 10)
            let high = episode.stream.between(low + 5, low + 50)
            range = low...high
            // The square root of the range, rounded up, and one more.
            episode.maxTurns = ((1...).first { $0 * $0 >= high - low } ?? 1) + 1
        }
        secret = episode.stream.between(range.lowerBound, range.upperBound)
        example = episode.stream.between(range.lowerBound, range.upperBound)
        guesses.removeAll(keepingCapacity: true)
    }

    func read(_ action: Action) -> Int? {
        let number = BoxedAction.last(in: action) { text, cursor in cursor.number(in: text) }
        return number == 0 ? nil : number
    }

    mutating func play(_ guess: Int, message: inout Text) -> Play {
        guard range.contains(guess) else {
            message.append("your number is outside the range.")
            return .nothing
        }
        message.append("you ")
        if guesses.contains(guess) {
            message.append("have guessed ")
            message.append(guess)
            message.append(" before.")
            return .nothing
        }
        guesses.append(guess)
        message.append("guessed ")
        message.append(guess)
        if guess == secret {
            message.append(", the secret number: solved.")
            return Play(reward: 1, ends: true)
        }
        message.append("; the secret number is ")
        message.append(guess < secret ? "higher than " : "lower than ")
        message.append(guess)
        message.append(".")
        return .nothing
    }

    func rewardAtLimit(_ guess: Int, earned: Double) -> Double {
        guard range.contains(guess) else { return 0 }
        return 1 - Double(abs(guess - secret)) / Double(range.upperBound - range.lowerBound)
    }

    /// Where the secret is, as seen from `guess`; for drawing.
    func isTooLow(_ guess: Int) -> Bool? { guess == secret ? nil : guess < secret }

    mutating func sampleAction(into text: inout Text) {
        text.append(#"\boxed{"#)
        text.append(episode.stream.between(range.lowerBound, range.upperBound))
        text.append("}")
    }
}

extension GuessTheNumber {
    static let specs = [spec("easy", 1, 10, 4), spec("hard", 1, 50, 7), spec("random", nil, nil, nil)]

    private static func spec(_ variant: String, _ low: Int?, _ high: Int?, _ maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "GuessTheNumber", variant, summary: "Find a secret number by \"higher\" and \"lower\".",
            actionGrammar: #"\boxed{number}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter(
                    "min_number", .integer(1...1_000_000_000), default: .of(low), isOptional: true,
                    summary: "The smallest number that can be the secret."),
                Parameter(
                    "max_number", .integer(1...1_000_000_000), default: .of(high), isOptional: true,
                    summary: "The largest number that can be the secret."),
            ]
        ) { arguments, entropy throws(Failure) in
            guard let low = arguments.integer("min_number"), let high = arguments.integer("max_number") else {
                return GuessTheNumber(fixed: nil, entropy: entropy)
            }
            guard low <= high else {
                throw .impossible("min_number \(low) is larger than max_number \(high); swap them.")
            }
            guard let maxTurns = arguments.integer("max_turns") else {
                throw .impossible(
                    "max_turns may be null only where min_number or max_number is null; give a turn limit.")
            }
            return GuessTheNumber(fixed: (low...high, maxTurns), entropy: entropy)
        }
    }
}

extension GuessTheNumber {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        var (low, high) = (range.lowerBound, range.upperBound)
        try state.integer(&low, in: 1...1_000_000_000)
        try state.integer(&high, in: low...1_000_000_000)
        range = low...high
        try state.integer(&secret, in: range)
        try state.integer(&example, in: range)
        let range = range
        try state.list(&guesses, counts: 0...episode.turn, like: low) { (state, guess) throws(Failure) in
            try state.integer(&guess, in: range)
        }
    }
}
