import GEM
import Glibc
import Images
import Registry
import SandboxHost
import Transport

/// Puts a server's sandboxes with a root filesystem together: drivers, machine, directory.
enum Sandboxes {
    /// Finds again what a predecessor left, and offers what can be offered.
    ///
    /// A registry that cannot be opened is no reason not to serve: environments need none. What needs it says why not.
    static func open(
        _ configuration: ServerConfiguration, services: Services, loops: EventLoopGroup
    ) async -> SandboxDirectory {
        let logs = services.logs
        let complain: @Sendable (String) -> Void = { Log(logs, "sandboxes")(.warning, $0) }
        let store: Result<SandboxRegistry, Failure>
        do { store = .success(try services.needRegistry()) } catch { store = .failure(error) }
        // Without rows nobody knows which sandboxes are wanted: none is looked for, so none is lost.
        let drivers =
            services.registry == nil ? [] : drivers(configuration, loops: loops, complain: complain)
        let machine = Machine(
            drivers: drivers, defaultDriver: configuration.runtime.defaultDriver, loops: loops)
        let directory = SandboxDirectory(
            store: store, machine: machine, configuration: configuration.runtime,
            clock: DirectoryClock(loop: loops.next()), complain: complain)
        await directory.begin()
        return directory
    }

    private static func drivers(
        _ configuration: ServerConfiguration, loops: EventLoopGroup, complain: @Sendable (String) -> Void
    ) -> [any SandboxDriver] {
        var drivers: [any SandboxDriver] = []
        for (name, driver) in driversOrReasons(configuration, loops: loops) {
            switch driver {
            case .success(let driver): drivers.append(driver)
            case .failure(let failure): complain("The driver \(name) is not offered: \(failure.message)")
            }
        }
        return drivers
    }

    /// Every driver that the configuration names, or why it cannot be offered.
    static func driversOrReasons(
        _ configuration: ServerConfiguration, loops: EventLoopGroup
    ) -> [(name: String, driver: Result<any SandboxDriver, Failure>)] {
        configuration.runtime.drivers.compactMap { name in
            do throws(Failure) {
                switch name {
                case "jail": return (name, .success(try jail(configuration, loops: loops)))
                case "docker": return (name, .success(try docker(configuration, loops: loops)))
                default: return nil  // refused when the configuration was read
                }
            } catch {
                return (name, .failure(error))
            }
        }
    }

    private static func rocklet(_ configuration: ServerConfiguration) throws(Failure) -> String {
        if let path = configuration.sandboxes.rockletPath { return path }
        return try findRocklet()
    }

    private static func jail(
        _ configuration: ServerConfiguration, loops: EventLoopGroup
    ) throws(Failure) -> any SandboxDriver {
        let runtime = configuration.runtime
        var settings = JailConfiguration(
            dataDirectory: configuration.dataDirectory, rockletPath: try rocklet(configuration))
        settings.mountSources = runtime.mountRoots
        settings.hostFolders = runtime.hostFolders
        let store = try ImageStore(folder: configuration.dataDirectory + "/images")
        return JailDriver(
            settings, images: StoredImages(store, registries: runtime.registries),
            network: try network(configuration, of: configuration.dataDirectory, loops: loops), loops: loops)
    }

    private static func docker(
        _ configuration: ServerConfiguration, loops: EventLoopGroup
    ) throws(Failure) -> any SandboxDriver {
        let runtime = configuration.runtime
        let folder = configuration.dataDirectory + "/sandboxes"
        try DataDirectory.prepare(folder)
        var settings = DockerConfiguration(sandboxesFolder: folder, rockletPath: try rocklet(configuration))
        settings.socket = runtime.dockerSocket
        settings.allowedMounts = runtime.mountRoots
        settings.hiddenFolder = configuration.dataDirectory
        // Each driver sweeps away the networks that it does not know, so each has a name of its own for them. Without root
        // there is only the engine's bridge.
        let network =
            geteuid() == 0
            ? try network(configuration, of: configuration.dataDirectory + "/docker", loops: loops) : nil
        return DockerDriver(settings, network: network, loops: loops)
    }

    private static func network(
        _ configuration: ServerConfiguration, of name: String, loops: EventLoopGroup
    ) throws(Failure) -> NetworkFabric {
        var network = NetworkConfiguration(dataDirectory: name)
        network.nameServers = configuration.runtime.nameServers
        network.forbiddenNetworks = configuration.runtime.forbiddenNetworks
        return try NetworkFabric(network, on: loops.next())
    }
}
