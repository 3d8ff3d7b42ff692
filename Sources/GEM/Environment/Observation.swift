/// What an environment shows after a reset or a step.
///
/// The text is kept in two parts because clients differ: most want one text that is complete in itself
/// (`message`, line feed, `state`), GEM's own wrappers want the second part separately as `info.suffix`.
public struct Observation: Equatable, Sendable {
    /// After a reset the instructions, after a step one sentence on what the move did.
    public var message = Text()
    /// The state block exactly as the environment's layout says, then a line feed and the request for a move.
    public var state = Text()
    /// What programs learn beside the text: members of `info`.
    public var info = Info()

    public init() {}

    /// The observation as one text: message, line feed, state.
    public var string: String { message.string + "\n" + state.string }

    /// Empties all parts and keeps their storage for the next turn.
    public mutating func clear() {
        message.clear()
        state.clear()
        info.clear()
    }
}
