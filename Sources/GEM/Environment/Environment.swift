/// A task that an agent solves turn by turn, by text.
///
/// An environment is a value: copying it copies the whole episode, random generator included. It holds no descriptor,
/// reads no clock and draws only from its own generator, so that the same seed and the same actions always give the
/// same episode. It is constructed from its spec's arguments by ``EnvironmentSpec/make`` and must be reset before the
/// first step; whoever drives it (see ``EpisodeDriver``) guarantees that order.
public protocol Environment: Sendable {
    /// Begins an episode and writes what the agent sees first.
    ///
    /// - Parameters:
    ///   - seed: Starts the generator anew. `nil` continues the stream where it stands; a stream that was never
    ///     seeded starts from entropy that the spec's maker was given.
    ///   - observation: Empty on entry; receives the instructions, the state block and what
    ///     the environment adds to `info`.
    /// - Throws: ``Failure`` of kind `envFailed` where no episode can be made.
    mutating func reset(seed: Seed?, observation: inout Observation) throws(Failure)

    /// Plays one turn.
    ///
    /// Text that cannot be read as an action is no error: the rules say what it costs.
    ///
    /// - Parameters:
    ///   - action: The agent's whole text, valid UTF-8, of any length the server lets in.
    ///   - observation: Empty on entry; receives what the move did, the new state block and members of `info`.
    /// - Returns: The reward and whether the episode is over.
    mutating func step(_ action: Action, observation: inout Observation) -> StepResult

    /// Writes a legal or at least readable action, drawn from the environment's own generator.
    mutating func sampleAction(into text: inout Text)

    /// Draws the current state for a person at a terminal.
    ///
    /// - Parameters:
    ///   - mode: Plain text, or text with ANSI colours.
    ///   - text: Receives whole lines, each ended by a line feed.
    func render(_ mode: RenderMode, into text: inout Text)

    /// Carries everything that decides how the environment goes on, its generators included.
    ///
    /// It is called on an environment of the same spec and arguments, so these need not be carried. What is read may
    /// come from a stranger: it must be refused, or lead to a state that every later call can live with.
    ///
    /// - Parameters:
    ///   - state: Writes or reads field by field.
    ///   - hasEpisode: Whether an episode has begun. Without one only the generators count; a reset comes next.
    /// - Throws: ``Failure`` of kind `invalidState` where what is read cannot be.
    mutating func code(_ state: inout StateCoder, hasEpisode: Bool) throws(Failure)

    /// Why the last step paid a reward that is no number; `nil` where it paid one. Only what lies outside of an environment,
    /// such as a server, can be the reason.
    var failure: Failure? { get }
}

extension Environment {
    public var failure: Failure? { nil }

    /// An environment that says nothing about its state cannot be saved.
    public mutating func code(_ state: inout StateCoder, hasEpisode: Bool) throws(Failure) {
        throw Failure(.invalidRequest, "This environment cannot be saved or restored.")
    }
}

/// An agent's action: the UTF-8 bytes of its text.
public typealias Action = Span<UInt8>

/// How ``Environment/render(_:into:)`` draws.
public enum RenderMode: String, CaseIterable, Sendable {
    case text, ansi
}

/// What one turn gives back beside the observation.
public struct StepResult: Equatable, Sendable {
    /// The turn's reward.
    public var reward: Double
    /// The task itself ended the episode.
    public var terminated: Bool
    /// The turn limit ended it.
    public var truncated: Bool

    public init(reward: Double, terminated: Bool = false, truncated: Bool = false) {
        self.reward = reward
        self.terminated = terminated
        self.truncated = truncated
    }
}
