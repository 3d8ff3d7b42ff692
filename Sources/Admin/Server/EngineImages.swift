package import SandboxHost
import Transport

/// The images of the machine's container engine, for programs that are no server.
package enum EngineImages {
    /// Lists them.
    ///
    /// - Returns: None where the configuration does not offer the docker driver, or no engine is to be had.
    package static func list(_ configuration: ServerConfiguration) async -> [DriverImage] {
        guard configuration.runtime.drivers.contains("docker"),
            let group = try? EventLoopGroup(count: 1)
        else { return [] }
        defer { group.shutDown() }
        var settings = DockerConfiguration(sandboxesFolder: configuration.dataDirectory + "/sandboxes", rockletPath: "")
        settings.socket = configuration.runtime.dockerSocket
        // An engine that is not there, or does not let this user in, has no images to show.
        return (try? await DockerDriver(settings, loops: group).imageCatalog?.images()) ?? []
    }
}
