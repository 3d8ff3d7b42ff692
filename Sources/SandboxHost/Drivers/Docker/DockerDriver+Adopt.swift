package import GEM
import Transport

/// Finding again what a predecessor left.
extension DockerDriver {
    /// How many containers are asked about at a time.
    private static let adoptionsAtOnce = 8

    package func adopt() async throws(Failure) -> [AdoptedSandbox] {
        let configuration = configuration
        let folders = try await Self.blocking { () throws(Failure) in
            StateFolder.all(in: configuration.sandboxesFolder).compactMap { folder -> Remains? in
                let state = folder.read()
                if let state { return state.driver == "docker" ? Remains(folder: folder, state: state) : nil }
                // Without a state, only a folder made like ours is ours.
                return KernelFile.names(in: folder.path).contains("run") ? Remains(folder: folder, state: nil) : nil
            }
        }
        let engine: Engine
        let containers: [ListedContainer]
        do {
            engine = try self.engine()
            containers = try await ownContainers(engine)
        } catch let error as EngineError {
            // Where there never was an engine, there is nothing to be found.
            guard !folders.isEmpty else { return [] }
            throw error.failure("The sandboxes of the docker driver cannot be found again")
        } catch let failure as Failure {
            guard !folders.isEmpty else { return [] }
            throw failure
        } catch {
            throw Failure(.infraFailed, "The sandboxes of the docker driver cannot be found again: \(error).")
        }
        let byID = Dictionary(
            containers.compactMap { container in
                container.labels[ContainerRequest.Label.sandbox].flatMap(SandboxID.init(rawValue:)).map {
                    ($0, container)
                }
            }, uniquingKeysWith: { first, _ in first })
        let known = Set(folders.compactMap { $0.state == nil ? nil : $0.folder.id })
        for (id, container) in byID where !known.contains(id) {
            // Made, and then its maker was killed: nobody has heard of it.
            do {
                try await removeContainer(container.id)
            } catch {
                throw error.failure("The container \(container.name), which no sandbox uses, cannot be removed")
            }
        }
        try await startNetwork()
        let adopted = try await adopt(folders, byID, engine)
        try await network?.sweep()
        return adopted
    }

    /// Takes over a sandbox's network and publishes its ports again. Where that fails, the sandbox goes on, reaches nothing,
    /// and says so.
    private func reconnect(
        _ state: StateFolder.State, _ found: ContainerState
    ) async -> (ports: [UInt16: UInt16], losses: [String]) {
        guard let network else { return (found.ports, []) }
        let id = state.specification.id
        var losses: [String] = []
        do throws(Failure) {
            try await network.adopt(id, policy: state.specification.network)
        } catch {
            // Rules that were taken over stand, though names may not be answered; what was not is swept away, and reaches nothing.
            losses.append(AdoptionLoss.network(error))
        }
        let agent = AgentAddress(folder: RunFolder(state: folder(id)).path)
        var ports: [UInt16: UInt16] = [:]
        do throws(Failure) {
            ports = try await publish(state.specification, agent, state.ports)
            if ports != state.ports {
                var state = state
                state.ports = ports
                let folder = folder(id)
                try await Self.blocking { [state] () throws(Failure) in try folder.write(state) }
            }
        } catch {
            losses.append(AdoptionLoss.ports(error, ports))
        }
        return (ports, losses)
    }

    /// What a predecessor left of one sandbox on the disk.
    private struct Remains: Sendable {
        let folder: StateFolder
        let state: StateFolder.State?
    }

    /// The containers that this server's sandboxes run in. The name is looked at too: an image made of a sandbox, and what
    /// others run from it, may carry the labels.
    func ownContainers(_ engine: Engine) async throws(EngineError) -> [ListedContainer] {
        let label = "\(ContainerRequest.Label.server)=\(configuration.serverName)"
        let filters = JSON.object(["label": [.string(label)]]).serialized
        let all = try ListedContainer.list(
            try await engine.json(
                EngineCall(
                    "GET", "/containers/json",
                    query: [("all", "true"), ("filters", String(decoding: filters, as: UTF8.self))])))
        return all.filter { container in
            guard let id = container.labels[ContainerRequest.Label.sandbox].flatMap(SandboxID.init(rawValue:)) else {
                return false
            }
            return container.name == containerName(id)
                && container.labels[ContainerRequest.Label.server] == configuration.serverName
        }
    }

    private func adopt(
        _ folders: [Remains], _ containers: [SandboxID: ListedContainer], _ engine: Engine
    ) async throws(Failure) -> [AdoptedSandbox] {
        do {
            return try await withThrowingTaskGroup(of: AdoptedSandbox?.self) { group in
                var adopted: [AdoptedSandbox] = []
                for (index, remains) in folders.enumerated() {
                    if index >= Self.adoptionsAtOnce, let next = try await group.next() {
                        if let next { adopted.append(next) }
                    }
                    let container = containers[remains.folder.id]
                    group.addTask { try await self.adopt(remains, container, engine) }
                }
                for try await next in group {
                    if let next { adopted.append(next) }
                }
                return adopted.sorted { $0.id.rawValue < $1.id.rawValue }
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.infraFailed, "The sandboxes of the docker driver cannot be found again: \(error).")
        }
    }

    private func adopt(
        _ remains: Remains, _ container: ListedContainer?, _ engine: Engine
    ) async throws(Failure) -> AdoptedSandbox? {
        let id = remains.folder.id
        if let container, let state = remains.state {
            do {
                let found = try ContainerState(
                    try await engine.json(EngineCall("GET", "/containers/\(container.id)/json")))
                guard found.isRunning else {
                    return .ended(id, DockerSandbox.end(found, nil), isRestartable: true)
                }
                let process = ProcessIdentity(found.process, of: found.id)
                let sandbox = watch(state.specification, found, process, engine)
                keep(sandbox)
                let (ports, losses) = await reconnect(state, found)
                if state.details["limits_disk"]?.bool == true { limitsDisk = true }
                let isolation = state.details["isolation"]?.serialized ?? Array("{}".utf8)
                return .running(running(sandbox, found, process, ports, isolation, losses), state.specification)
            } catch {
                guard error.isNotFound else { throw error.failure("Sandbox \(id) cannot be found again") }
            }
        }
        let run = RunFolder(state: remains.folder)
        try await Self.blocking { () throws(Failure) in try run.remove() }
        guard remains.state != nil else { return nil }
        return .ended(
            id, SandboxEnd(reason: "Its container was removed while no server ran."), isRestartable: false)
    }
}
