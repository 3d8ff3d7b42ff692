package import GEM
import Glibc
import Synchronization
package import Transport

// Sandboxes in containers of an engine that speaks the Docker Engine API: Docker or Podman.
//
//   DockerDriver.swift            what it can do
//   DockerDriver+Start.swift      a container is made and its rocklet answers
//   DockerDriver+Adopt.swift      finding again what a predecessor left
//   DockerDriver+Launch.swift     from a container to an answering rocklet
//   DockerDriver+Network.swift    networks and published ports
//   DockerDriver+Images.swift     pull, commit, push
//   DockerCatalog.swift           listing and removing them
//   DockerDriver+Examine.swift    what works here
//   DockerConfiguration.swift     how it runs sandboxes
//   DockerSandbox.swift           one of them, watched until its end
//   ContainerRequest.swift        what the engine is asked to make
//   ContainerSeccomp.swift        which system calls they may make
//   ContainerWalls.swift          which walls stand
//   RunFolder.swift               the folder that a sandbox shares with the host
//   Engine/                       the engine's API

/// Runs sandboxes in containers.
///
/// Root inside has the capabilities of ``ContainerRequest/capabilities`` and no others; `no_new_privileges` is not set,
/// because `su` and `sudo` are to work inside, and what they can gain is what process 1 has to begin with.
package final class DockerDriver: SandboxDriver {
    package let name = "docker"
    let configuration: DockerConfiguration
    let network: NetworkFabric?
    let loops: EventLoopGroup
    /// By image and who asks.
    let pulls = SharedPulls<String>()
    private let state = Mutex(State())

    private struct State {
        var engine: Engine?
        var info: EngineInfo?
        var sandboxes: [SandboxID: DockerSandbox] = [:]
        /// Whether the engine's storage limits a container's layer; `nil` before it was tried.
        var limitsDisk: Bool?
        var networkStart: Task<Result<Void, Failure>, Never>?
    }

    /// - Parameters:
    ///   - configuration: How to run sandboxes.
    ///   - network: Connects sandboxes by this machine's own means, which can hold them to a list of destinations and away
    ///     from each other; shared with no other driver. Without it they get the engine's bridge, and lists are refused.
    ///   - loops: Carry the connections to the engine.
    package init(_ configuration: DockerConfiguration, network: NetworkFabric? = nil, loops: EventLoopGroup) {
        self.configuration = configuration
        self.network = network
        self.loops = loops
    }

    /// Stops watching the sandboxes, which go on. For a process that is about to end.
    package func release() {
        for sandbox in state.withLock({ Array($0.sandboxes.values) }) { sandbox.release() }
    }

    // MARK: What is known

    /// The engine; looked for until one is found.
    func engine() throws(Failure) -> Engine {
        if let engine = state.withLock(\.engine) { return engine }
        var variables: [String: String] = [:]
        for name in ["DOCKER_HOST", "XDG_RUNTIME_DIR"] {
            if let value = getenv(name) { variables[name] = String(cString: value) }
        }
        let socket = try EngineSocket.find(setting: configuration.socket, variables: variables)
        let loop = loops.next()
        return state.withLock { state in
            if let engine = state.engine { return engine }
            let engine = Engine(socket, on: loop)
            state.engine = engine
            return engine
        }
    }

    /// What the engine enforces; asked once.
    func info() async throws(Failure) -> EngineInfo {
        if let info = state.withLock(\.info) { return info }
        let engine = try engine()
        do {
            let info = try EngineInfo(try await engine.json(EngineCall("GET", "/info")))
            state.withLock { $0.info = info }
            return info
        } catch {
            throw error.failure("The container engine cannot be used")
        }
    }

    /// Whether the engine limits a container's layer, as far as it has been tried.
    var limitsDisk: Bool? {
        get { state.withLock(\.limitsDisk) }
        set { state.withLock { $0.limitsDisk = newValue } }
    }

    /// Has the network look for what a predecessor left, once.
    func startNetwork() async throws(Failure) {
        guard let network else { return }
        let task = state.withLock { state in
            if let task = state.networkStart { return task }
            let task = Task<Result<Void, Failure>, Never> {
                do throws(Failure) { return .success(try await network.start()) } catch { return .failure(error) }
            }
            state.networkStart = task
            return task
        }
        do {
            try await task.value.get()
        } catch {
            state.withLock { $0.networkStart = nil }
            throw error
        }
    }

    func sandbox(_ id: SandboxID) -> DockerSandbox? { state.withLock { $0.sandboxes[id] } }

    func keep(_ sandbox: DockerSandbox) {
        state.withLock { $0.sandboxes.updateValue(sandbox, forKey: sandbox.id) }?.release()
    }

    func forget(_ id: SandboxID) {
        state.withLock { $0.sandboxes.removeValue(forKey: id) }?.release()
    }

    /// The container's name: unique on the engine, and known without asking.
    func containerName(_ id: SandboxID) -> String { "rock-\(configuration.serverName.prefix(8))-\(id)" }

    func folder(_ id: SandboxID) -> StateFolder { StateFolder(id, in: configuration.sandboxesFolder) }

    /// Runs what blocks on a thread that may.
    static func blocking<Value: Sendable>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure>
        do {
            result = try await BlockingPool.run {
                do throws(Failure) { return .success(try work()) } catch { return .failure(error) }
            }
        } catch {
            throw Failure(.infraFailed, "No thread for blocking work: \(error).")
        }
        return try result.get()
    }

    // MARK: Living sandboxes

    package func stop(_ id: SandboxID, grace: Duration) async throws(Failure) {
        let engine = try engine()
        let sandbox = sandbox(id)
        sandbox?.wished = .stop
        let seconds = max(0, grace.components.seconds + (grace.components.attoseconds > 0 ? 1 : 0))
        do {
            try await engine.perform(
                EngineCall("POST", "/containers/\(containerName(id))/stop", query: [("t", String(seconds))])
                    .within(grace + .seconds(60)))
        } catch {
            sandbox?.wished = nil
            guard error.isNotFound else { throw error.failure("Sandbox \(id) cannot be stopped") }
            throw Failure(.unknownSandbox, "The container engine has no container of sandbox \(id).")
        }
        if let sandbox { _ = await sandbox.ending.wait() } else { try await network?.release(id) }
    }

    package func remove(_ id: SandboxID) async throws(Failure) {
        sandbox(id)?.wished = .removal
        let folder = folder(id)
        do {
            try await removeContainer(containerName(id))
        } catch {
            throw error.failure("Sandbox \(id) cannot be removed")
        }
        if let sandbox = sandbox(id) {
            // It has ended with its container. Nothing of it may happen after this, when its name may be given out again.
            if sandbox.isWatched {
                _ = try? await Deadline.run(within: .seconds(15), on: loops.next()) { try await sandbox.ending.next() }
            }
            sandbox.ending.finish(SandboxEnd(signal: SIGKILL, reason: "The sandbox was removed."))
        }
        forget(id)
        try await network?.release(id)
        try await Self.blocking { () throws(Failure) in try RunFolder(state: folder).remove() }
    }

    /// Removes a container by name or id, running or not. That there is none is no failure.
    func removeContainer(_ name: String) async throws(EngineError) {
        let engine: Engine
        do { engine = try self.engine() } catch { throw EngineError(kind: .unreachable, message: error.message) }
        do {
            try await engine.perform(
                EngineCall("DELETE", "/containers/\(name)", query: [("force", "true"), ("v", "true")]))
        } catch {
            switch error.kind {
            case .refused(404): return
            case .refused(409):
                // Somebody removes it already: done when that is.
                do {
                    try await engine.perform(
                        EngineCall("POST", "/containers/\(name)/wait", query: [("condition", "removed")]))
                } catch {
                    guard error.isNotFound else { throw error }
                }
            default: throw error
            }
        }
    }

    package func statistics(_ id: SandboxID) async throws(Failure) -> SandboxStatistics {
        let engine = try engine()
        let container = "/containers/\(containerName(id))"
        do {
            async let usage = engine.json(
                EngineCall("GET", container + "/stats", query: [("stream", "false"), ("one-shot", "true")]))
            async let description = engine.json(EngineCall("GET", container + "/json", query: [("size", "true")]))
            var statistics = SandboxStatistics(usage: try await usage)
            statistics.diskBytes = try ContainerState(try await description).layerBytes ?? 0
            if let network {
                let traffic = try await network.statistics(id)
                statistics.networkBytes = traffic.receivedBytes &+ traffic.sentBytes
            }
            if limitsDisk == true { statistics.diskLimitBytes = sandbox(id)?.specification.limits.diskBytes }
            return statistics
        } catch let failure as Failure {
            throw failure
        } catch let error as EngineError {
            throw error.failure("What sandbox \(id) uses cannot be told")
        } catch {
            throw Failure(.infraFailed, "What sandbox \(id) uses cannot be told: \(error).")
        }
    }
}
