import Registry

/// Where an environment comes from.
struct Origin: Equatable, Sendable {
    /// The name of the ``Caller`` that had it made.
    let owner: String
    let made: Timestamp
}
