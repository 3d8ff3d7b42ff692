import GEM
import Glibc
import Registry
import Transport

extension Services {
    /// Opens what operations work with: the log, and the registry where one is kept.
    ///
    /// A registry that cannot be opened does not keep the server from serving environments: the log says why, and so does
    /// whoever needs it.
    /// - Throws: ``Failure`` where keys are asked for and there is none.
    static func open(_ configuration: ServerConfiguration) async throws(Failure) -> Services {
        let interface = Interface()
        let times = TimeFormat(zone: configuration.runtime.timeZone)
        let logs = Logs(configuration.logs, times: times)
        let metrics = Metrics(operations: interface.operations.map(\.name), version: ServerVersion.current)
        var services = Services(interface: interface, registry: nil, metrics: metrics, logs: logs)
        services.isKeyRequired =
            configuration.listensOnTCP && configuration.keyRequirement.holds(for: configuration.host)
        if configuration.keepsRegistry {
            var settings = SandboxRegistry.Configuration(path: configuration.registryPath)
            settings.times = times
            let billing = BillingLog(
                path: configuration.runtime.billingLog
                    ?? (configuration.logs.folder ?? configuration.dataDirectory) + "/billing.log", times: times
            ) { Log(logs, Logs.billing)(.error, $0) }
            settings.onBilling = { billing.append($0) }
            settings.onWrite = { [writes = metrics.registryWrites] time in
                writes.times.record(nanoseconds: Int((time / .nanoseconds(1)).rounded()))
            }
            do throws(Failure) {
                let registry = try await openRegistry(settings, logs)
                services.registry = registry
                if !registry.isReadOnly { try await asking { try await billing.catchUp(with: registry) } }
            } catch {
                services.registryFailure = error
                Log(logs, "server")(.error, "\(error.message) Sandboxes and keys are not served; environments are.")
            }
        }
        if services.isKeyRequired, services.registry?.keys.contains(where: { $0.revokeTime == nil }) != true {
            let reason = services.registry == nil ? "the registry cannot be read" : "there is none yet"
            await services.close()
            throw Failure(
                .unauthorized,
                "Beyond loopback the server asks for API keys, and \(reason). Make one with 'rockctl admin keys create --name NAME --scope admin', or set api_keys: never where everybody who reaches it may do everything."
            )
        }
        if let registry = services.registry { try? await Self.registerDefaultEnvironment(registry) }
        services.watch()
        return services
    }

    /// Opens the registry, at least for reading where it cannot be written.
    private static func openRegistry(
        _ settings: SandboxRegistry.Configuration, _ logs: Logs
    ) async throws(Failure) -> SandboxRegistry {
        try await asking {
            try await BlockingPool.run {
                do throws(RegistryError) {
                    return try SandboxRegistry(settings)
                } catch {
                    guard [.readOnly, .diskFull, .ioFailed].contains(error.code) else { throw error }
                    var settings = settings
                    settings.isReadOnly = true
                    guard let registry = try? SandboxRegistry(settings) else { throw error }
                    Log(logs, "server")(.error, "\(error.message). Sandboxes can be looked at, not changed.")
                    return registry
                }
            }
        }
    }

    /// Writes what waits to be written.
    func close() async {
        await registry?.close()
        await logs.flush()
    }

    /// Who may come in over TCP.
    var access: Access { Access(keys: registry, isKeyRequired: isKeyRequired) }

    /// What ROCK's clients find in a fresh catalog.
    private static func registerDefaultEnvironment(_ registry: SandboxRegistry) async throws {
        let name = "EnvhubDefaultDockerImage"
        guard try await registry.catalogEntry(name) == nil else { return }
        let image = getenv("ROCK_ENVHUB_DEFAULT_DOCKER_IMAGE").map { String(cString: $0) } ?? "python:3.11"
        _ = try await registry.register(
            CatalogEntry(
                name: name, image: image, owner: "ENVHUB", description: "What sandboxes start from by default",
                tags: ["default", "system", "envhub"], extraSpec: "{}"))
    }

    /// Has the metrics show what the registry and the log know.
    private func watch() {
        let (registry, logs) = (registry, logs)
        metrics.add { text in
            text.metric("rock_log_dropped_total", .counter, "Log entries that were not written.")
            text.sample("rock_log_dropped_total", [], logs.dropped)
            guard let registry else { return }
            text.metric("rock_sandboxes", .gauge, "Sandboxes by state and driver.")
            for (state, driver, count) in registry.countsByDriver() {
                text.sample("rock_sandboxes", [("state", state.rawValue), ("driver", driver)], count)
            }
        }
    }

    /// Has the metrics show how starts go, and how many wait.
    func watchStarts() {
        guard let sandboxes, let registry else { return }
        metrics.add { [weak sandboxes] text in
            guard let counts = try? sandboxes?.counts() else { return }
            text.metric("rock_sandbox_start_queue", .gauge, "Starts that wait, and that are under way.")
            text.sample("rock_sandbox_start_queue", [("state", "waiting")], counts.waiting)
            text.sample("rock_sandbox_start_queue", [("state", "starting")], counts.starting)
        }
        let starts = metrics.starts
        // Ends when the registry is closed.
        Task {
            for await notice in registry.changes(since: registry.latestChange) {
                guard case .change(let change) = notice, change.from == .pending else { continue }
                if change.to == .running {
                    let asked = registry.record(change.id)?.history.last { $0.to == .pending }?.time
                    let seconds = asked.map { change.time.seconds(since: $0) } ?? 0
                    starts.times.record(nanoseconds: Int(max(0, min(seconds, 1e6)) * 1e9))
                } else if change.to == .stopped || change.to == .deleted {
                    starts.failures.add()
                }
            }
        }
    }
}
