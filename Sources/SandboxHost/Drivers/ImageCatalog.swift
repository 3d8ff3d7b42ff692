package import GEM
package import Images

/// The images that a driver's sandboxes start from.
package protocol ImageCatalog: Sendable {
    /// All of them.
    func images() async throws(Failure) -> [DriverImage]

    /// One, with its configuration.
    ///
    /// - Throws: ``Failure`` of kind `notFound` where there is none.
    func image(_ name: String) async throws(Failure) -> DriverImage

    /// Removes a name, and the image with its last one; or by a digest an image with all its names.
    ///
    /// - Throws: ``Failure``: `notFound`; `conflict` or `invalidArgument` where something uses it.
    func remove(_ name: String) async throws(Failure) -> RemovedImages

    /// Removes images without a name, and what `rule` says beyond.
    ///
    /// - Throws: ``Failure``; `invalidArgument` for a rule that cannot be followed.
    func prune(_ rule: PruneRule) async throws(Failure) -> RemovedImages

    /// Makes images of a tar: a root filesystem, or an archive of images.
    ///
    /// - Parameters:
    ///   - path: The tar.
    ///   - name: The image's name; `nil` takes the archive's.
    /// - Returns: The images.
    /// - Throws: ``Failure``.
    func importTar(_ path: String, name: String?) async throws(Failure) -> [DriverImage]
}

/// An image as its driver knows it.
package struct DriverImage: Sendable, Equatable {
    package let digest: String
    package let names: [String]
    /// Bytes of all files, layers shared with other images included.
    package let size: Int64
    /// RFC 3339; empty where unknown.
    package var created = ""
    /// Seconds since 1970; `nil` where the driver does not keep count.
    package var lastUsed: Int64?
    package var architecture = ""
    /// The layers' digests, the lowest first; empty where unknown.
    package var layers: [String] = []
    /// As OCI or the engine has it; `nil` in lists.
    package var configuration: JSON?
}
