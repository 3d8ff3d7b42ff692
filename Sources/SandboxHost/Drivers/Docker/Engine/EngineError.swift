import GEM

/// Why a call to the container engine came to nothing.
struct EngineError: Error, Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        /// Nobody listens, or this user may not connect.
        case unreachable
        /// It broke off in the middle.
        case brokeOff
        case timedOut
        /// It answered, but not as the Engine API says.
        case garbage
        /// It refused, with this HTTP status.
        case refused(Int)
    }

    let kind: Kind
    /// What happened, for people; for a refusal, the engine's own words.
    let message: String

    var isNotFound: Bool { kind == .refused(404) }

    /// The failure that a caller gets to see.
    ///
    /// - Parameter deed: What came to nothing: `The container cannot be made`.
    /// - Returns: The failure, with the deed in front of what happened.
    func failure(_ deed: String) -> Failure {
        switch kind {
        case .timedOut: Failure(.timeout, "\(deed): \(message)")
        case .refused(409): Failure(.conflict, "\(deed): \(message)")
        case .unreachable, .brokeOff, .garbage, .refused: Failure(.infraFailed, "\(deed): \(message)")
        }
    }
}
