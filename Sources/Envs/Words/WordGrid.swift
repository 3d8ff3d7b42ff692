import GEM

/// A game of words laid in a grid. The puzzle follows from where the random stream stood when it was laid.
protocol WordGrid: Game {
    /// Where the stream stood.
    var origin: MersenneTwister { get set }

    /// A game of `fixed` size, or of a level drawn at every reset.
    init(fixed: WordGridSetup?, entropy: UInt64)
}

/// What such a game is played with.
struct WordGridSetup {
    /// Whether the words are rare.
    var isHardcore: Bool
    var words: Int
    var maxTurns: Int
}

extension WordGrid {
    /// Carries the puzzle, which is laid again when read; what has been played is the game's to carry.
    mutating func codePuzzle(_ state: inout StateCoder) throws(Failure) {
        try origin.code(&state)
        guard state.isReading else { return }
        let episode = episode
        self.episode.stream = origin
        try begin(seed: nil)
        self.episode = episode
    }

    /// The spec of one variant.
    ///
    /// - Parameters:
    ///   - name: The environment's.
    ///   - variant: Such as `easy`.
    ///   - setup: What it is played with; `nil` draws it at every reset.
    ///   - summary: What the game is.
    ///   - actionGrammar: How an action is written.
    ///   - kwargs: What `hardcore` and `num_words` mean.
    /// - Returns: The spec, which makes this game.
    static func spec(
        _ name: String, _ variant: String, _ setup: WordGridSetup?, summary: String, actionGrammar: String,
        kwargs: (hardcore: String, words: String)
    ) -> EnvironmentSpec {
        .game(
            name, variant, summary: summary, actionGrammar: actionGrammar, rewardRange: -0.1...1,
            maxTurns: setup?.maxTurns,
            parameters: [
                Parameter(
                    "hardcore", .boolean, default: .of(setup?.isHardcore), isOptional: true, summary: kwargs.hardcore),
                Parameter(
                    "num_words", .integer(1...50), default: .of(setup?.words), isOptional: true, summary: kwargs.words),
            ]
        ) { arguments, entropy in
            var fixed: WordGridSetup?
            if let hardcore = arguments.boolean("hardcore"), let words = arguments.integer("num_words"),
                let maxTurns = arguments.integer("max_turns")
            {
                fixed = WordGridSetup(isHardcore: hardcore, words: words, maxTurns: maxTurns)
            }
            return Self(fixed: fixed, entropy: entropy)
        }
    }
}
