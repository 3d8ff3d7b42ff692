import Envs
import GEM
import Registry
import SandboxHost
import Synchronization
import Transport

/// Every environment that was made and not closed yet, by the id of its sandbox.
final class EnvironmentDirectory: Sendable {
    /// What others have registered.
    let external: ExternalEnvironments
    let host: SandboxHost
    private let configuration: ServerConfiguration
    private let makes: RememberedAnswers
    private let expiry: Expiry
    private let episodes: EpisodeRecording
    /// Where environments are written down for the next server; `nil` for a server that will have none.
    private let kept: KeptEnvironments?
    private let complain: @Sendable (String) -> Void

    private struct State {
        var live: [SandboxID: LiveEnvironment] = [:]
        var ended = EndedSandboxes()
        var isClosing = false
    }

    private let state = Mutex(State())

    /// - Parameters:
    ///   - host: Runs the sandboxes.
    ///   - external: What can be made.
    ///   - configuration: The server's.
    ///   - expiry: Ends what nobody uses.
    ///   - episodes: Records what is played.
    ///   - complain: Hears of what goes wrong without a client's doing.
    init(
        host: SandboxHost, external: ExternalEnvironments, configuration: ServerConfiguration, expiry: Expiry,
        episodes: EpisodeRecording, complain: @escaping @Sendable (String) -> Void
    ) {
        self.complain = complain
        self.host = host
        self.external = external
        self.episodes = episodes
        self.configuration = configuration
        self.expiry = expiry
        kept =
            configuration.outlivingSeconds > 0
            ? KeptEnvironments(in: configuration.dataDirectory, complain: complain) : nil
        makes = RememberedAnswers(capacity: configuration.limits.rememberedMakes)
    }

    /// What can be made.
    var registry: EnvironmentRegistry { external.registry }

    /// How many environments are live.
    var count: Int { state.withLock { $0.live.count } }

    /// Every live environment, oldest first.
    var all: [LiveEnvironment] {
        state.withLock { Array($0.live.values) }.sorted {
            $0.origin.made == $1.origin.made ? $0.id.rawValue < $1.id.rawValue : $0.origin.made < $1.origin.made
        }
    }

    /// Makes an environment in a sandbox of its own.
    ///
    /// - Parameters:
    ///   - request: What was asked for.
    ///   - owner: Who asked, by the name of a ``Caller``.
    ///   - connection: The client's connection, for leases; `nil` where there is none to lose.
    /// - Returns: `{"sandbox_id", "spec", "isolation"}`, or the rocklet's refusal.
    /// - Throws: ``Failure`` where no sandbox can be had, or it fails on the way.
    func make(_ request: MakeRequest, owner: String, connection: ClientConnection?) async throws(Failure) -> Reply {
        var request = request
        request.external = external.manifest(request.environment)
        let origin = Origin(owner: owner, made: .now())
        guard let requestID = request.requestID else { return try await start(request, origin, connection: connection) }
        return try await makes.answer(to: requestID) { [request] () async throws(Failure) -> Reply in
            try await start(request, origin, connection: connection)
        }
    }

    /// The live environment called `id`.
    ///
    /// - Throws: ``Failure`` that says whether it was closed, and why, or never existed.
    func environment(_ id: String) throws(Failure) -> LiveEnvironment {
        let found: Result<LiveEnvironment, Failure> = state.withLock { state in
            guard let id = SandboxID(rawValue: id) else {
                return .failure(Failure(.unknownSandbox, "A sandbox_id is 1 to 63 of a-z, 0-9 and '-'; make gives it."))
            }
            if let environment = state.live[id] { return .success(environment) }
            if let reason = state.ended[id] {
                return .failure(
                    Failure(.sandboxClosed, "Sandbox \(id.rawValue) was closed: \(reason.sentence) Make a new one."))
            }
            return .failure(Failure(.unknownSandbox, "There is no sandbox \(id.rawValue). Make one first."))
        }
        return try found.get()
    }

    /// Passes a reset on; an environment whose sandbox died gets a new sandbox first.
    func reset(_ environment: LiveEnvironment, params: [UInt8]) async throws(Failure) -> Reply {
        try await environment.reset(params: params) { (environment) async throws(Failure) -> any EnvironmentSandbox in
            await environment.sandbox.close()
            let (sandbox, reply) = try await self.startSandbox(environment.id, environment.request, environment.origin)
            if case .error = reply {
                await self.discard(sandbox)
                throw Failure(.infraFailed, "The new sandbox refused what the old one had accepted. Make a new one.")
            }
            guard self.isLive(environment) else {
                await self.discard(sandbox)
                throw Failure(.sandboxClosed, "Sandbox \(environment.id) was closed meanwhile. Make a new one.")
            }
            return sandbox
        }
    }

    /// Closes the environment called `id` and everything its sandbox holds.
    ///
    /// - Returns: False when there was none to close.
    @discardableResult
    func close(_ id: SandboxID, reason: EndReason) async -> Bool {
        let environment: LiveEnvironment? = state.withLock { state in
            guard let environment = state.live.removeValue(forKey: id) else { return nil }
            state.ended.add(id, reason: reason)
            return environment
        }
        guard let environment else { return false }
        environment.ties.cut()
        await discard(environment.sandbox)
        await environment.recorder?.close()
        return true
    }

    /// Refuses every later `make`.
    func beginShutdown() { state.withLock { $0.isClosing = true } }

    /// Closes what others' programs play; the host reaps all else.
    func closeExternal() async {
        let external = state.withLock { state in
            state.live.values.filter { $0.sandbox is ExternalSandbox }
        }
        await withDiscardingTaskGroup { group in
            for environment in external { group.addTask { await environment.sandbox.close() } }
        }
    }

    /// Waits until everything that was played is handed over to be written; no sandbox is left to play in.
    func closeRecorders() async {
        for environment in state.withLock({ Array($0.live.values) }) { await environment.recorder?.close() }
    }

    /// Forgets what was written down for the next server. Called when the host has ended everything.
    func endShutdown() async { await kept?.removeAll() }

    // MARK: - From server to server

    /// Goes on with what a killed server had made, and ends what of it nobody wants any more. Called before anybody else
    /// can call.
    func adopt() async {
        var notes: [(SandboxID, Result<EnvironmentNote, Failure>)] = []
        do throws(Failure) { notes = try await kept?.all() ?? [] } catch {
            complain("\(error.message) Environments of the server before this one are ended.")
        }
        for (id, found) in notes {
            do throws(Failure) {
                try await adopt(id, try found.get())
            } catch {
                complain(error.message)
                await kept?.remove(id)
                state.withLock { $0.ended.add(id, reason: .unreadable) }
            }
        }
        host.endUnclaimed()
    }

    private func adopt(_ id: SandboxID, _ note: EnvironmentNote) async throws(Failure) {
        var request = try MakeRequest(params: note.params, registry: registry, info: "brief")
        request.external = external.manifest(request.environment)
        if request.lease == .connection {
            // The connection has ended with the server.
            await kept?.remove(id)
            state.withLock { $0.ended.add(id, reason: .connectionClosed) }
            return
        }
        let sandbox: Sandbox
        if let place = note.place {
            sandbox = host.adopt(id, at: place)
        } else {
            let reason =
                "The program that played \(request.environment) ended with the server before this one. Reset or make a new environment."
            sandbox = host.lost(id, Failure(.infraFailed, reason))
        }
        let environment = LiveEnvironment(
            id: id, request: request, origin: note.origin, sandbox: sandbox,
            callTimeout: configuration.sandboxes.callTimeout, idleTimeout: configuration.sandboxes.idleTimeout,
            steps: nil, recorder: episodes.recorder(for: request, id))
        environment.recorder?.beginInTheMidst()
        state.withLock { $0.live[id] = environment }
        expiry.watch(environment)
    }

    private func isLive(_ environment: LiveEnvironment) -> Bool {
        state.withLock { $0.live[environment.id] === environment }
    }

    /// Closes a sandbox for good: the next server is not told of it either.
    private func discard(_ sandbox: any EnvironmentSandbox) async {
        // First, so that it is not missed by a server that would find no process for it.
        await kept?.remove(sandbox.id)
        await sandbox.close()
    }

    // MARK: - Making

    private func start(
        _ request: MakeRequest, _ origin: Origin, connection: ClientConnection?
    ) async throws(Failure) -> Reply {
        try checkOpen()
        let id = SandboxID.random()
        let (sandbox, reply) = try await startSandbox(id, request, origin)
        guard case .result(let spec) = reply else {
            await discard(sandbox)
            return reply
        }
        try await take(sandbox, id, request, origin, episodes.recorder(for: request, id), connection: connection)
        return .result(Self.made(id, spec: spec, isolation: sandbox.isolationJSON))
    }

    private func checkOpen() throws(Failure) {
        try state.withLock { (state) throws(Failure) in
            if state.isClosing { throw Failure(.shuttingDown, "The server is shutting down.") }
        }
    }

    /// Puts an environment that is ready in `sandbox` into the books; closes the sandbox where it is too late for that.
    private func take(
        _ sandbox: any EnvironmentSandbox, _ id: SandboxID, _ request: MakeRequest, _ origin: Origin,
        _ recorder: EnvironmentRecorder?, connection: ClientConnection?
    ) async throws(Failure) {
        let environment = LiveEnvironment(
            id: id, request: request, origin: origin, sandbox: sandbox,
            callTimeout: configuration.sandboxes.callTimeout,
            idleTimeout: configuration.sandboxes.idleTimeout, recorder: recorder)
        let isTooLate: Bool = state.withLock { state in
            if !state.isClosing { state.live[id] = environment }
            return state.isClosing
        }
        if isTooLate {
            await discard(sandbox)
            throw Failure(.shuttingDown, "The server is shutting down.")
        }
        expiry.watch(environment)
        if request.lease == .connection, let connection {
            environment.ties.tie(lease: connection.onClose { [expiry] in expiry.end(id, reason: .connectionClosed) })
        }
    }

    // MARK: - Forking

    /// Makes `count` environments that go on, each on its own, from where `environment` stands.
    ///
    /// - Parameters:
    ///   - environment: What to fork; it is not changed.
    ///   - count: How many.
    ///   - owner: Who asked.
    ///   - connection: The client's connection, for leases; `nil` where there is none to lose.
    /// - Returns: `{"sandbox_ids": […]}`, or the rocklet's refusal to save.
    /// - Throws: ``Failure`` where not all of them can be made; then none is left.
    func fork(
        _ environment: LiveEnvironment, count: Int, owner: String, connection: ClientConnection?
    ) async throws(Failure) -> Reply {
        try checkOpen()
        // What save answers is what restore takes.
        let reply = try await environment.call("save", params: [0x7B, 0x7D])
        guard case .result(let saved) = reply else { return reply }
        let state = Array(saved)
        let outcomes = await withTaskGroup(of: Result<SandboxID, Failure>.self) { group in
            for _ in 0..<count {
                group.addTask {
                    do throws(Failure) {
                        return .success(
                            try await self.branch(
                                environment.request, Origin(owner: owner, made: .now()), state, connection))
                    } catch { return .failure(error) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        do throws(Failure) {
            var ids: [String] = []
            for outcome in outcomes { ids.append("\"\(try outcome.get().rawValue)\"") }
            return .result(Array("{\"sandbox_ids\":[\(ids.joined(separator: ","))]}".utf8)[...])
        } catch {
            for case .success(let id) in outcomes { await close(id, reason: .forkFailed) }
            throw error
        }
    }

    /// Makes what `request` asks for in a new sandbox and restores `state` there.
    private func branch(
        _ request: MakeRequest, _ origin: Origin, _ state: [UInt8], _ connection: ClientConnection?
    ) async throws(Failure) -> SandboxID {
        let id = SandboxID.random()
        let (sandbox, made) = try await startSandbox(id, request, origin)
        let recorder = episodes.recorder(for: request, id)
        do throws(Failure) {
            let limit = request.callTimeout ?? configuration.sandboxes.callTimeout
            guard case .result = made,
                case .result(let counters) = try await sandbox.call("restore", params: state, limit: limit)
            else { throw Failure(.infraFailed, "A new sandbox refused what the old one had saved. Fork again.") }
            recorder?.begin(at: state, counters: counters)
        } catch {
            await discard(sandbox)
            throw error
        }
        try await take(sandbox, id, request, origin, recorder, connection: connection)
        return id
    }

    /// Has a new sandbox make what was asked for, and meanwhile writes down where it is: before its client hears of it.
    private func startSandbox(
        _ id: SandboxID, _ request: MakeRequest, _ origin: Origin
    ) async throws(Failure) -> (any EnvironmentSandbox, Reply) {
        if let manifest = request.external {
            let made = try await external.start(id, manifest, request)
            // The next server ends the sandbox; it knows by this what the client is to be told.
            await kept?.add(EnvironmentNote(params: request.params, origin: origin, place: nil), as: id)
            return made
        }
        let sandbox = try await host.make(id: id, limits: nil)
        let note = EnvironmentNote(params: request.params, origin: origin, place: sandbox.place)
        async let isKept: Void? = kept?.add(note, as: id)
        do {
            let limit = request.callTimeout ?? configuration.sandboxes.callTimeout
            let reply = try await sandbox.call("make", params: request.params, limit: limit)
            await isKept
            return (sandbox, reply)
        } catch {
            await isKept
            await discard(sandbox)
            throw error
        }
    }

    /// `{"spec":…}` with the sandbox's id in front and its walls behind.
    private static func made(_ id: SandboxID, spec: ArraySlice<UInt8>, isolation: [UInt8]) -> ArraySlice<UInt8> {
        var result: [UInt8] = []
        result.append(contentsOf: "{\"sandbox_id\":\"\(id.rawValue)\",".utf8)
        result.append(contentsOf: spec.dropFirst().dropLast())
        result.append(contentsOf: ",\"isolation\":".utf8)
        result.append(contentsOf: isolation)
        result.append(UInt8(ascii: "}"))
        return result[...]
    }
}
