/// Drives one environment through its episodes and owns the order of the calls, so that no environment has to check it.
public struct EpisodeDriver: Sendable {
    private var environment: any Environment
    private var failure: Failure?

    /// Where an environment stands in its episode.
    public enum State: String, CaseIterable, Sendable {
        /// No episode has been begun, or beginning one has failed.
        case notReset = "not_reset"
        case running
        /// The episode is over; the environment waits for a reset.
        case ended
    }

    /// Where the environment stands.
    public private(set) var state = State.notReset
    /// How many episodes have been begun.
    public private(set) var episodes = 0
    /// How many turns have been played in all episodes together.
    public private(set) var steps = 0
    /// How many turns have been played in this episode.
    public private(set) var turn = 0
    /// The sum of this episode's rewards.
    public private(set) var cumulativeReward = 0.0

    /// Drives `environment`, which must be reset before the first step.
    public init(_ environment: any Environment) { self.environment = environment }

    /// Begins an episode.
    ///
    /// - Parameters:
    ///   - seed: Starts the generator anew; `nil` continues its stream.
    ///   - observation: Emptied, then receives what the agent sees first.
    /// - Throws: What the environment throws; every ``step(_:observation:)`` then throws it too, until a reset succeeds.
    public mutating func reset(seed: Seed?, observation: inout Observation) throws(Failure) {
        observation.clear()
        state = .notReset
        do throws(Failure) {
            try environment.reset(seed: seed, observation: &observation)
        } catch {
            failure = error
            throw error
        }
        failure = nil
        state = .running
        episodes += 1
        turn = 0
        cumulativeReward = 0
    }

    /// Fails unless a turn can be played now.
    public func checkRunning() throws(Failure) {
        switch state {
        case .running: return
        case .ended: throw Failure(.episodeEnded, "The episode has ended; call reset to begin the next one.")
        case .notReset:
            throw failure ?? Failure(.notReset, "No episode has begun yet; call reset before the first step.")
        }
    }

    /// Plays one turn.
    ///
    /// - Parameters:
    ///   - action: The agent's text, valid UTF-8.
    ///   - observation: Emptied, then receives what the turn did.
    /// - Returns: The reward and the flags.
    /// - Throws: ``Failure`` of kind `notReset` before the first reset, `episodeEnded` after the end, and `envFailed` where the
    ///   environment pays a reward that is no number.
    public mutating func step(_ action: Action, observation: inout Observation) throws(Failure) -> StepResult {
        try checkRunning()
        observation.clear()
        let result = environment.step(action, observation: &observation)
        guard result.reward.isFinite else {
            let broken =
                environment.failure
                ?? Failure(.envFailed, "The environment paid a reward that is no finite number; call reset.")
            (failure, state) = (broken, .notReset)
            throw broken
        }
        steps += 1
        turn += 1
        cumulativeReward += result.reward
        if result.terminated || result.truncated { state = .ended }
        return result
    }

    /// Draws an action from the environment's own generator.
    ///
    /// - Parameter text: Emptied, then receives the action.
    /// - Throws: ``Failure`` before the first reset. Allowed after the end, where a vector's policy still acts for everyone.
    public mutating func sampleAction(into text: inout Text) throws(Failure) {
        if state == .notReset { try checkRunning() }
        text.clear()
        environment.sampleAction(into: &text)
    }

    /// Draws the state for a person; the last one of the episode after its end.
    ///
    /// - Parameters:
    ///   - mode: Plain or with colours.
    ///   - text: Emptied, then receives whole lines.
    /// - Throws: ``Failure`` before the first reset.
    public func render(_ mode: RenderMode, into text: inout Text) throws(Failure) {
        if state == .notReset { try checkRunning() }
        text.clear()
        environment.render(mode, into: &text)
    }

    /// Carries the environment and where it stands.
    ///
    /// - Throws: ``Failure`` of kind `invalidState` where what is read cannot be; the driver must then not be used.
    public mutating func code(_ coder: inout StateCoder) throws(Failure) {
        try coder.choice(&state)
        try coder.integer(&episodes, in: 0...Self.most)
        try coder.integer(&steps, in: 0...Self.most)
        try coder.integer(&turn, in: 0...Self.most)
        try coder.number(&cumulativeReward)
        try codeFailure(&coder)
        try environment.code(&coder, hasEpisode: state != .notReset)
    }

    private mutating func codeFailure(_ coder: inout StateCoder) throws(Failure) {
        var hasFailure = failure != nil
        try coder.flag(&hasFailure)
        guard hasFailure else { return failure = nil }
        var (kind, message) = (failure?.kind ?? .envFailed, failure?.message ?? "")
        try coder.choice(&kind)
        try coder.text(&message, limit: 4096)
        failure = Failure(kind, message)
    }

    /// Counters stay where JSON's readers and one more step cannot hurt them.
    private static let most = 1 << 53
}
