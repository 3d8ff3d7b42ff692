package import GEM

/// Where images are kept on a machine, and how they are let go of. What a sandbox uses always stays.
package protocol ImageUpkeep: Sendable {
    /// Whose images they are: `jail` or `docker`.
    var driver: String { get }

    /// What there is.
    func holdings() async throws(Failure) -> ImageHoldings

    /// Removes images, those used longest ago first, until the rest takes at most `bytes`, or nothing more may go.
    ///
    /// - Parameters:
    ///   - bytes: What may stay.
    ///   - isKept: Whether an image stays whatever its age, by its names.
    ///   - uses: When sandboxes last used images, in seconds since 1970 by the names that requests called them; for those who keep
    ///     no account of their own.
    /// - Returns: What was removed.
    /// - Throws: ``Failure`` where they cannot be looked at.
    func evict(
        downTo bytes: Int64, keeping isKept: @escaping @Sendable ([String]) -> Bool, uses: [String: Int64]
    ) async throws(Failure) -> Evicted

    /// Removes what builds keep for later builds, until the rest takes at most `bytes`.
    ///
    /// - Returns: What was removed; `nil` where there is no such thing.
    func evictBuildCache(downTo bytes: Int64) async throws(Failure) -> Evicted?
}

/// What images take on a machine.
package struct ImageHoldings: Sendable, Equatable {
    package var images = 0
    /// Each shared layer counted once.
    package var bytes: Int64 = 0
    /// The size of the disk that they are on.
    package var diskBytes: Int64 = 0

    package init() {}
}

/// What a clean-up removed.
package struct Evicted: Sendable, Equatable {
    package var names: [String] = []
    package var bytes: Int64 = 0
    /// Images that had to go and could not, a sentence each.
    package var refusals: [String] = []

    package init() {}
}

extension Machine {
    /// The images of every driver.
    package var imageUpkeep: [any ImageUpkeep] {
        driverNames.compactMap { name in
            switch try? driver(name) {
            case let docker as DockerDriver: docker
            case let jail as JailDriver: jail.images as? StoredImages
            default: nil
            }
        }
    }
}
