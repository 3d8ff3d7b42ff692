import GEM

/// What is said where a sandbox that runs on could not be given back all that its predecessor had set up for it.
enum AdoptionLoss {
    static func network(_ failure: Failure) -> String {
        "Its network could not be taken over, so it reaches less than it may, or nothing, until it is restarted: \(failure.message)"
    }

    /// - Parameters:
    ///   - failure: What went wrong.
    ///   - ports: Those that are published all the same, inside to outside.
    /// - Returns: A sentence.
    static func ports(_ failure: Failure, _ ports: [UInt16: UInt16]) -> String {
        ports.isEmpty
            ? "Its ports could not be published again: \(failure.message)"
            : "Where its ports are published now could not be written down, so they may change once more: \(failure.message)"
    }
}
