package import GEM
import Transport

/// What a build is made of.
package struct BuildRequest: Sendable {
    /// The folder that `COPY` and `ADD` copy from.
    package var folder: String
    package var dockerfile: Dockerfile
    /// Leads to the image from now on.
    package var name: String
    /// What `ARG` takes instead of its defaults.
    package var arguments: [String: String] = [:]
    /// The stage that becomes the image; `nil` for the last one.
    package var target: String?
    /// Whether steps that were done before are done again.
    package var ignoresCache = false
    package var registries = RegistryConfiguration()
    package var login: RegistryLogin?

    package init(folder: String, dockerfile: Dockerfile, name: String) {
        (self.folder, self.dockerfile, self.name) = (folder, dockerfile, name)
    }
}

/// What a build tells while it works.
package enum BuildEvent: Sendable, Equatable {
    /// A step begins; `isCached` where its layer is there from before.
    case step(number: Int, of: Int, text: String, isCached: Bool)
    /// What a command writes.
    case output([UInt8])
    /// Something that an instruction does not do here.
    case notice(String)
}

extension ImageStore {
    /// Makes an image by a Dockerfile.
    ///
    /// - Parameters:
    ///   - request: What to build.
    ///   - runner: Runs `RUN`; `nil` refuses it.
    ///   - report: Told what happens.
    /// - Returns: The image.
    /// - Throws: ``Failure`` with file and line of the instruction; then no name has changed.
    package func build(
        _ request: BuildRequest, runner: (any BuildRunner)?, report: @escaping @Sendable (BuildEvent) -> Void
    ) async throws(Failure) -> Image {
        let reference = try ImageReference(request.name)
        let work = try beginWork()
        defer { work.end() }
        var builder = ImageBuilder(self, request, runner, report, work)
        let stage = try await builder.run()
        guard !stage.layers.isEmpty else {
            throw Failure(.invalidArgument, "\(request.dockerfile.name): the image would hold no file at all.")
        }
        var configuration = stage.configuration
        configuration.created = Clock.now
        let bytes = configuration.oci(layers: stage.layers).serialized
        do {
            return try await transferPool.run {
                try self.install(
                    work, configuration: bytes, layers: stage.layers.map { .unpacked($0) }, names: [reference])
            }
        } catch {
            throw failure(error)
        }
    }
}
