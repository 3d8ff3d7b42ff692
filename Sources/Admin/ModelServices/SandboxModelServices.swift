import GEM
import Glibc
import ModelService
import SandboxHost
import Synchronization
import Transport

// Model services of sandboxes: they run in this process, and listen inside.
//
//   SandboxModelServices.swift   which there are; how they begin and end
//   ProcessInside.swift          a process's number inside a sandbox, and here

/// The model services of sandboxes. Each listens on its sandbox's own loopback: nothing has to be installed there, and no key
/// gets there. A service ends with its sandbox, and with this server.
final class SandboxModelServices: Sendable {
    /// What one sandbox may take of this machine: its agent is not trusted.
    private enum Limit {
        static let connections = 64
        static let requestBytes = 16 << 20
        static let conversationBytes = 1 << 30
        static let trajectoryBytes = 64 << 20
        /// How long the files of a service that has ended are kept, in seconds.
        static let retention = 7 * 86_400
    }

    /// A running service.
    struct Running: Sendable {
        let service: ModelService
        let port: UInt16
        /// Tells two services of one sandbox apart.
        let serial: UInt64
        /// Waits for the sandbox's end.
        let watch: Task<Void, Never>?
    }

    private enum Place {
        /// Being started or ended.
        case busy
        case running(Running)
    }

    private struct State {
        var places: [String: Place] = [:]
        var serial: UInt64 = 0
        var isClosed = false
    }

    private let folder: String
    private let group: EventLoopGroup
    private let log: @Sendable (LogLevel, String, _ sandbox: String) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - folder: Holds a folder for each sandbox, with its conversation and trajectory.
    ///   - group: Carries the services.
    ///   - log: Told what happens, a sentence each.
    init(folder: String, group: EventLoopGroup, log: @escaping @Sendable (LogLevel, String, String) -> Void) {
        (self.folder, self.group, self.log) = (folder, group, log)
    }

    /// Where the conversation and the trajectory of a sandbox are.
    func folder(of sandbox: String) -> String { folder + "/" + sandbox }

    // MARK: Beginning

    /// Starts a service inside a sandbox.
    ///
    /// - Parameters:
    ///   - settings: What it is to be; where its files are is decided here.
    ///   - port: Where it listens inside.
    ///   - agent: The way into the sandbox.
    ///   - sandbox: The sandbox, if it is known to run on this machine.
    /// - Throws: ``Failure``: `conflict` where it has one already, or the port is taken.
    func start(
        _ settings: ModelServiceConfiguration, port: UInt16, agent: SandboxAgent, _ sandbox: RunningSandbox?
    ) async throws(Failure) {
        let id = agent.sandbox.rawValue
        try claim(id)
        do throws(Failure) {
            let service = try await make(settings, port, agent, sandbox)
            let serial = state.withLock { state in
                state.serial += 1
                return state.serial
            }
            // Owned by the entry below, and cancelled with it.
            let watch = sandbox.map { sandbox in
                Task { [weak self] in
                    _ = await sandbox.ended()
                    await self?.end(id, serial: serial)
                }
            }
            let isTooLate = state.withLock { state in
                state.places[id] = .running(Running(service: service, port: port, serial: serial, watch: watch))
                return state.isClosed
            }
            if isTooLate {
                _ = await stop(id)
                throw Failure(.shuttingDown, "The server is being shut down.")
            }
        } catch {
            state.withLock { state in
                if case .busy = state.places[id] { state.places[id] = nil }
            }
            throw error
        }
        log(.info, "A model service of type \(settings.type.rawValue) listens on its port \(port).", id)
    }

    private func claim(_ id: String) throws(Failure) {
        let refusal = state.withLock { state -> Failure? in
            if state.isClosed { return Failure(.shuttingDown, "The server is being shut down.") }
            guard state.places[id] == nil else {
                return Failure(.conflict, "Sandbox \(id) has a model service already. Stop it first.")
            }
            state.places[id] = .busy
            return nil
        }
        if let refusal { throw refusal }
    }

    private func make(
        _ settings: ModelServiceConfiguration, _ port: UInt16, _ agent: SandboxAgent, _ sandbox: RunningSandbox?
    ) async throws(Failure) -> ModelService {
        let id = agent.sandbox.rawValue
        var settings = settings
        settings.dataFolder = folder(of: id)
        settings.trajectory.path = settings.dataFolder + "/" + ModelServiceConfiguration.trajectoryFile
        settings.trajectory.maximumBytes = Limit.trajectoryBytes
        settings.conversationBytes = Limit.conversationBytes
        settings.maximumConnections = Limit.connections
        settings.requestBytes = Limit.requestBytes
        let first = sandbox?.process ?? 0
        settings.findProcess = { number in
            // Reading /proc takes its time. Without a thread for it, no process is found.
            (try? await BlockingPool.run { ProcessInside.number(here: number, beside: first) }) ?? nil
        }
        try settings.check()
        let folder = folder
        let live = state.withLock { Set($0.places.keys) }
        do {
            try await BlockingPool.run {
                try DataDirectory.prepare(folder)
                Self.prune(folder, keeping: live)
            }
            let listener = try await agent.listen(port: port)
            // A number of its own: the service closes it.
            let own = fcntl(listener.rawValue, F_DUPFD_CLOEXEC, 0)
            guard own >= 0 else { throw SystemCallError("fcntl", errno: errno) }
            let descriptor = OwnedDescriptor(own)
            let log = log
            let service = try await ModelService(settings, group: EventLoopGroup(of: [group.next()])) { level, text in
                log(level == .info ? .info : level == .warning ? .warning : .error, text, id)
            }
            try await service.start(listening: descriptor)
            return service
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.infraFailed, "The model service of sandbox \(id) could not be started: \(error).")
        }
    }

    /// Removes what services left that ended long ago.
    private static func prune(_ folder: String, keeping live: Set<String>) {
        for name in names(in: folder) where !live.contains(name) {
            var status = stat()
            let path = folder + "/" + name
            guard lstat(path, &status) == 0, status.st_mtim.tv_sec < time(nil) - Limit.retention else { continue }
            for file in names(in: path) { unlink(path + "/" + file) }
            rmdir(path)
        }
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    // MARK: What there is

    /// The service of a sandbox; `nil` where it has none.
    func running(_ sandbox: String) -> Running? {
        guard case .running(let running) = state.withLock({ $0.places[sandbox] }) else { return nil }
        return running
    }

    /// Answers one request of a sandbox's agent, and waits for the next; see ``AntiCall``.
    ///
    /// - Parameters:
    ///   - sandbox: The sandbox, whose service is of type local.
    ///   - index: The request that is answered; 0 asks for the first.
    ///   - response: The answer's JSON.
    ///   - limit: How long to wait.
    /// - Returns: The next request's JSON; `nil` when the agent has ended.
    /// - Throws: ``Failure``: `notFound` where there is no such service; `timeout`; as ``AntiCall``.
    func next(
        in sandbox: String, after index: Int, response: [UInt8]?, within limit: Duration
    ) async throws(Failure) -> [UInt8]? {
        guard let path = running(sandbox)?.service.conversation?.path else {
            throw Failure(.notFound, "Sandbox \(sandbox) has no model service of type local.")
        }
        let loop = EventLoop.current ?? group.next()
        do {
            let text = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                group.addTask { try await AntiCall(path, on: loop).next(after: index, response: response) }
                group.addTask {
                    try await loop.sleep(until: .now + limit)
                    throw Failure(
                        .timeout, "No request came within \(limit). Ask again with the same index and response.")
                }
                defer { group.cancelAll() }
                return try await group.next() ?? []
            }
            return text == AntiCall.end ? nil : text
        } catch let failure as Failure {
            throw failure
        } catch is CancellationError {
            throw Failure(.timeout, "The request was given up before it was done.")
        } catch {
            throw Failure(.infraFailed, "The conversation of sandbox \(sandbox) cannot be followed: \(error).")
        }
    }

    // MARK: Ending

    /// Ends the service of a sandbox; its files stay for a while.
    ///
    /// - Returns: Whether there was one.
    func stop(_ sandbox: String) async -> Bool {
        guard let running = running(sandbox) else { return false }
        running.watch?.cancel()
        await end(sandbox, serial: running.serial)
        return true
    }

    private func end(_ sandbox: String, serial: UInt64) async {
        let ending = state.withLock { state -> ModelService? in
            guard case .running(let running) = state.places[sandbox], running.serial == serial else { return nil }
            state.places[sandbox] = .busy
            return running.service
        }
        guard let ending else { return }
        await ending.shutDown(within: .seconds(2))
        state.withLock { $0.places[sandbox] = nil }
    }

    /// Ends every service.
    func shutDown() async {
        let sandboxes = state.withLock { state in
            state.isClosed = true
            return Array(state.places.keys)
        }
        await withDiscardingTaskGroup { group in
            for sandbox in sandboxes { group.addTask { _ = await self.stop(sandbox) } }
        }
    }
}
