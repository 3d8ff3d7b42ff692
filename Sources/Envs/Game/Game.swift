import GEM

/// A game of turns with a limit: what every environment of the namespaces `game:` and `rock:` shares.
///
/// A game brings its draws, its rules and its texts; the turn counter, the price of unreadable text, the turn limit and the
/// frame of every observation are here, once.
protocol Game: Environment {
    /// What an action says once it is read.
    associatedtype Move

    /// The random stream, the turn counter and the turn limit.
    var episode: Episode { get set }

    /// Draws and lays out a new game. The stream has been seeded already; `seed` is passed for generators of the game's
    /// own and is `nil` where the stream simply goes on.
    mutating func begin(seed: Seed?) throws(Failure)

    /// Writes aim, turn limit, symbols, form of an action and an example, without a line feed at the end.
    func writeInstructions(into text: inout Text)

    /// Reads an action; `nil` where it is unreadable.
    func read(_ action: Action) -> Move?

    /// Applies the rules and writes one sentence about what happened. It follows the words "Turn N: ".
    mutating func play(_ move: Move, message: inout Text) -> Play

    /// The reward of the turn that hits the limit without ending the game.
    func rewardAtLimit(_ move: Move, earned: Double) -> Double

    /// Writes the state block: whole lines, the last without a line feed. Nothing where the game has no board.
    func writeBoard(into text: inout Text)

    /// Writes an action's form for the request that closes every observation, such as `\boxed{word}`.
    func writeActionForm(into text: inout Text)

    /// Draws the game for a person: whole lines, with ANSI colours where `colours` says so.
    func draw(colours: Bool, into text: inout Text)

    /// Whether the turn limit ends the task itself, as in GEM's games, or only cuts the episode off, as in Gymnasium.
    static var limitTerminates: Bool { get }

    /// Adds what programs may learn about the current state; nothing by default.
    func write(to info: inout Info)

    /// Carries the generators; only the episode's stream by default.
    mutating func codeGenerators(_ state: inout StateCoder) throws(Failure)

    /// Carries what the game holds while an episode runs. What is read must be checked as far as the rules rely on it.
    mutating func codeGame(_ state: inout StateCoder) throws(Failure)

    /// Writes what a person wants to know beside the turn, such as "2/5 words"; nothing by default.
    func writeStatus(into text: inout Text)
}

/// What one readable move earned, and whether it ended the game.
struct Play: Equatable {
    /// Points of this turn.
    var reward = 0.0
    /// Whether the rules ended the episode.
    var ends = false

    /// A move that cost a turn and changed nothing.
    static let nothing = Play()
}

/// The part of a game's state that has nothing to do with its rules.
struct Episode: Sendable {
    /// Everything random in the environment comes from here.
    var stream: MersenneTwister
    /// Turns played since the reset.
    var turn = 0
    /// The turn that ends the episode at the latest.
    var maxTurns: Int
    /// Whether the last turn ended the episode.
    var isOver = false

    init(entropy: UInt64, maxTurns: Int) {
        stream = MersenneTwister(seed: entropy)
        self.maxTurns = maxTurns
    }
}

extension Game {
    mutating func reset(seed: Seed?, observation: inout Observation) throws(Failure) {
        if let seed { episode.stream = MersenneTwister(seed: UInt64(seed)) }
        episode.turn = 0
        episode.isOver = false
        try begin(seed: seed)
        writeInstructions(into: &observation.message)
        writeState(into: &observation.state)
        write(to: &observation.info)
    }

    mutating func step(_ action: Action, observation: inout Observation) -> StepResult {
        episode.turn += 1
        let isLast = episode.turn >= episode.maxTurns
        observation.message.append("Turn ")
        observation.message.append(episode.turn)
        observation.message.append(": ")
        // Text that cannot be read ends the task; GEM sets the other flag beside it on the last turn.
        var result = StepResult(
            reward: unreadableReward, terminated: true,
            truncated: Self.limitTerminates && episode.turn == episode.maxTurns)
        if let move = read(action) {
            let play = play(move, message: &observation.message)
            result = StepResult(reward: play.reward, terminated: play.ends)
            if isLast, !play.ends {
                result.reward = rewardAtLimit(move, earned: play.reward)
                result.terminated = Self.limitTerminates
                result.truncated = true
                observation.message.append(" That was the last turn.")
            }
        } else {
            observation.message.append("no box in your text holds an action, and that ends the episode.")
        }
        episode.isOver = result.terminated || result.truncated
        writeState(into: &observation.state)
        write(to: &observation.info)
        return result
    }

    func render(_ mode: RenderMode, into text: inout Text) {
        draw(colours: mode == .ansi, into: &text)
        if mode == .ansi { text.append(Style.dim) }
        text.append("turn ")
        text.append(episode.turn)
        text.append("/")
        text.append(episode.maxTurns)
        let start = text.bytes.count
        writeStatus(into: &text)
        if text.bytes.count > start { text.bytes.insert(contentsOf: " · ".utf8, at: start) }
        if mode == .ansi { text.append(Style.plain) }
        text.append("\n")
    }

    mutating func code(_ state: inout StateCoder, hasEpisode: Bool) throws(Failure) {
        try codeGenerators(&state)
        guard hasEpisode else { return }
        try state.integer(&episode.maxTurns, in: 1...2_147_483_647)
        try state.integer(&episode.turn, in: 0...1 << 53)
        try state.flag(&episode.isOver)
        try state.check(episode.isOver || episode.turn < episode.maxTurns)
        try codeGame(&state)
    }

    mutating func codeGenerators(_ state: inout StateCoder) throws(Failure) { try episode.stream.code(&state) }

    static var limitTerminates: Bool { true }

    func write(to info: inout Info) {}

    func writeStatus(into text: inout Text) {}

    func rewardAtLimit(_ move: Move, earned: Double) -> Double { earned }

    func writeState(into text: inout Text) {
        let start = text.bytes.count
        writeBoard(into: &text)
        if text.bytes.count > start { text.append("\n") }
        if episode.isOver {
            text.append("The episode is over.")
        } else {
            text.append("Turn ")
            text.append(episode.turn + 1)
            text.append(" of ")
            text.append(episode.maxTurns)
            text.append(": answer with ")
            writeActionForm(into: &text)
            text.append(".")
        }
    }
}

/// What text without a readable action costs.
private let unreadableReward = -0.1
