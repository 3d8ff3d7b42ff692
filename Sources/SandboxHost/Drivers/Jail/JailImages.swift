package import GEM

/// Where jails get their root filesystems from.
package protocol JailImages: Sendable {
    /// Finds an image, fetches it if `pull` says so, and keeps it for a sandbox.
    ///
    /// - Parameters:
    ///   - name: What the client called it, or a digest.
    ///   - holder: Who needs it until ``release(_:)``; `nil` for nobody yet.
    ///   - pull: When to ask its registry.
    ///   - credentials: For the registry.
    ///   - report: Told how far a fetch is.
    /// - Returns: The image.
    /// - Throws: ``Failure`` that names the image.
    func image(
        _ name: String, for holder: SandboxID?, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) -> JailImage

    /// Lets a sandbox's image be removed. Blocks; that it holds none is no failure.
    func release(_ holder: SandboxID) throws(Failure)

    /// Makes an image of another and what a sandbox wrote. Blocks.
    ///
    /// - Parameters:
    ///   - upper: The upper folder of an overlay, to which nobody writes meanwhile.
    ///   - base: The digest of the image below.
    ///   - tag: The new image's name.
    /// - Returns: The new image's digest.
    /// - Throws: ``Failure`` whose message begins with `commit`.
    func commit(_ upper: String, over base: String, tag: String) throws(Failure) -> String

    /// Sends an image to its registry.
    ///
    /// - Throws: ``Failure`` whose message begins with `login` or `push`.
    func push(_ tag: String, credentials: RegistryCredentials?) async throws(Failure)
}

/// An image as a jail uses it.
package struct JailImage: Sendable {
    package let digest: String
    /// Folders with absolute paths, the top one first. Shared by sandboxes and never written to.
    package let layers: [String]
    /// `NAME=value` for every program.
    package let environment: [String]

    package init(digest: String, layers: [String], environment: [String] = []) {
        self.digest = digest
        self.layers = layers
        self.environment = environment
    }
}
