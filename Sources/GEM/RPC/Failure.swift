/// A failure that a caller caused or can act on.
public struct Failure: Error, Equatable, Sendable {
    /// What failed, for programs.
    public let kind: Kind
    /// One sentence for people: what failed, on which value, and what to do about it.
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// Every failure there is. ``Failure/Kind/code`` and ``Failure/Kind/httpStatus`` say how each travels.
    public enum Kind: String, CaseIterable, Sendable {
        // The message itself.
        case parseError = "parse_error"
        case invalidRequest = "invalid_request"
        case methodNotFound = "method_not_found"
        case invalidParams = "invalid_params"
        case internalError = "internal_error"
        case tooLarge = "too_large"

        // What was asked for.
        case unknownEnvironment = "unknown_environment"
        case invalidArgument = "invalid_argument"
        case unknownSandbox = "unknown_sandbox"
        case sandboxClosed = "sandbox_closed"
        case notReset = "not_reset"
        case episodeEnded = "episode_ended"
        case invalidSeed = "invalid_seed"
        case invalidAction = "invalid_action"
        case invalidState = "invalid_state"
        case isolationRefused = "isolation_refused"
        case notFound = "not_found"
        case conflict = "conflict"

        // Who asks.
        case unauthorized = "unauthorized"
        case forbidden = "forbidden"

        // What ran inside a sandbox, on the caller's behalf.
        case commandFailed = "command_failed"

        // What carries it. None of these is ever turned into a reward.
        case envFailed = "env_failed"
        case infraFailed = "infra_failed"
        case timeout = "timeout"
        case overloaded = "overloaded"
        case shuttingDown = "shutting_down"
    }
}
