import Envs
package import GEM
package import Registry
package import SandboxHost
import Transport

/// A whole Rock in this process: the sandboxes' host, the environments, and the doors to them.
package final class Server: Sendable {
    /// Where the HTTP server listens, such as `http://127.0.0.1:8080`; `nil` where it does not listen on TCP.
    package let url: String?

    private let group: EventLoopGroup
    private let host: SandboxHost
    private let directory: EnvironmentDirectory
    /// Sandboxes with a root filesystem.
    let sandboxes: SandboxDirectory
    private let expiry: Expiry
    private let episodes: EpisodeRecording
    private let services: Services
    private let rpc: RPCDoor
    private let http: HTTPServer?
    private let lines: LineServer?
    /// Closes what expires, for as long as the server lives.
    private let expiring: Task<Void, Never>

    /// The walls around every sandbox.
    package var isolation: IsolationReport { host.isolation }

    /// Rows of sandboxes, keys and the catalog; `nil` where it keeps none.
    package var registry: SandboxRegistry? { services.registry }

    /// How many environments are live.
    package var environmentCount: Int { directory.count }

    /// Starts everything; when it returns, the server serves.
    ///
    /// - Throws: ``Failure`` that says what could not be started and what to do; nothing is left running then.
    package init(_ configuration: ServerConfiguration) async throws(Failure) {
        try DataDirectory.prepare(configuration.dataDirectory)
        var services = try await Services.open(configuration)
        group = try await Self.group(configuration, services)
        do {
            host = try await SandboxHost(try configuration.hostConfiguration(), loops: group)
        } catch {
            group.shutDown()
            await services.close()
            throw error
        }
        let expiry = Expiry(group: group)
        let sandboxes = await Sandboxes.open(configuration, services: services, loops: group)
        services.sandboxes = sandboxes
        let logs = services.logs
        services.modelServices = SandboxModelServices(
            folder: configuration.dataDirectory + "/model-services", group: group
        ) {
            Log(logs, "models")($0, $1, sandbox: $2)
        }
        if configuration.keepsRegistry {
            do throws(Failure) {
                services.scheduler = try await Scheduling.open(
                    configuration, sandboxes: sandboxes, logs: services.logs, loops: group)
            } catch {
                services.schedulerFailure = error
                Log(services.logs, "server")(.error, "\(error.message) No tasks are scheduled.")
            }
        }
        let directory: EnvironmentDirectory
        let doors: Doors
        episodes = EpisodeRecording(configuration, services: services)
        do {
            let external = try await ExternalEnvironments(
                folder: configuration.keepsRegistry ? configuration.dataDirectory + "/environments" : nil,
                sandboxes: sandboxes, loops: group
            ) { Log(logs, "environments")(.warning, $0) }
            directory = EnvironmentDirectory(
                host: host, external: external, configuration: configuration, expiry: expiry, episodes: episodes
            ) { Log(logs, "environments")(.warning, $0) }
            await directory.adopt()
            services.environments = directory
            doors = try await Doors(configuration, directory: directory, services: services, group: group)
        } catch {
            await services.scheduler?.shutDown()
            await sandboxes.shutDown()
            // What another server has left waits for one that starts.
            await host.giveUp()
            await episodes.close()
            group.shutDown()
            await services.close()
            throw error
        }
        self.services = services
        (self.expiry, self.directory, self.sandboxes) = (expiry, directory, sandboxes)
        (rpc, http, lines, url) = (doors.rpc, doors.http, doors.lines, doors.url)
        expiring = Task(executorPreference: group.next()) {
            await expiry.run { id, reason in await directory.close(id, reason: reason) }
        }
    }

    /// Answers one JSON-RPC message of a client in this process.
    ///
    /// - Parameter message: One request or one batch, UTF-8 JSON.
    /// - Returns: The answer; `nil` where only notifications were sent.
    package func answer(rpc message: [UInt8]) async -> [UInt8]? {
        await withTaskExecutorPreference(group.next()) { await rpc.answer(message, caller: .local, connection: nil) }
    }

    /// Opens the log files anew, after somebody has moved them away.
    package func reopenLogs() { services.logs.reopen() }

    /// Stops accepting, finishes what is in flight, closes every sandbox and gives everything back.
    ///
    /// - Parameter limit: How long what is in flight may take; what is left then is cut off.
    package func shutDown(within limit: Duration) async {
        directory.beginShutdown()
        await lines?.shutDown(within: limit)
        await http?.shutDown(within: limit)
        expiry.finish()
        await expiring.value
        await services.scheduler?.shutDown()
        await directory.closeExternal()
        await services.modelServices?.shutDown()
        await sandboxes.shutDown()
        await host.shutDown()
        await directory.closeRecorders()
        await episodes.close()
        await directory.endShutdown()
        group.shutDown()
        await services.close()
    }

    private static func group(
        _ configuration: ServerConfiguration, _ services: Services
    ) async throws(Failure) -> EventLoopGroup {
        do throws(Failure) {
            return try attempting("start the event loops") { () throws in
                try EventLoopGroup(count: configuration.loops)
            }
        } catch {
            await services.close()
            throw error
        }
    }
}
