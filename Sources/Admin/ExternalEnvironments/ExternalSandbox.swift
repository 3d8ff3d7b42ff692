import GEM
import SandboxHost
import Synchronization

/// A sandbox in which somebody's program plays an environment.
///
/// Calls are played in turn. What goes wrong with the program ends it and the sandbox; every later call says why, until a reset
/// begins anew with another sandbox.
final class ExternalSandbox: EnvironmentSandbox {
    let id: SandboxID
    let isolationJSON: [UInt8]
    private let manifest: EnvironmentManifest
    /// How long a call may take, where whoever made the environment has said so.
    private let callTimeout: Duration?
    private let program: AgentProgram
    private let line: ProgramLine
    /// Gives back everything that the sandbox holds.
    private let remove: @Sendable () async -> Void
    private let turns = CallTurns(limit: 256)
    private let state: Mutex<State>

    private struct State {
        var episodes: ProgramEpisodes
        var failure: Failure?
        var isClosed = false
        /// Under way, or over, once the sandbox is of no more use.
        var removal: Task<Void, Never>?
        /// What the program had written to its standard error when it ended.
        var log: [UInt8]?
    }

    init(
        _ sandbox: RunningSandbox, _ manifest: EnvironmentManifest, _ episodes: ProgramEpisodes,
        callTimeout: Duration?, program: AgentProgram, line: ProgramLine, remove: @escaping @Sendable () async -> Void
    ) {
        (id, isolationJSON) = (sandbox.id, sandbox.isolation)
        (self.manifest, self.callTimeout) = (manifest, callTimeout)
        (self.program, self.line, self.remove) = (program, line, remove)
        state = Mutex(State(episodes: episodes))
    }

    var failure: Failure? {
        state.withLock { $0.isClosed ? Self.closed(id) : $0.failure }
    }

    /// Many processes may be the program, and the first one of the sandbox is not.
    var usage: SandboxUsage? { nil }

    private static func closed(_ id: SandboxID) -> Failure {
        Failure(.sandboxClosed, "Sandbox \(id) was closed. Make a new one.")
    }

    // MARK: - Calls

    func call(_ method: StaticString, params: [UInt8], limit: Duration) async throws(Failure) -> Reply {
        if let failure { throw failure }
        try await turns.begin()
        defer { turns.end() }
        if let failure { throw failure }
        do throws(ExternalError) {
            return .result(try await perform(method.description, params)[...])
        } catch {
            switch error {
            case .refusal(let failure): return .error(json { $0.failure(failure) }[...])
            case .fault(let fault): throw await end(for: fault)
            }
        }
    }

    /// Has the program make what the episodes are of.
    ///
    /// - Throws: ``Failure``: that of the program's fault, or its refusal.
    func make() async throws(Failure) {
        let episodes = state.withLock(\.episodes)
        let order = ProgramOrder.make(
            id: manifest.id, kwargs: episodes.kwargs, count: episodes.instances.count)
        do throws(ExternalError) {
            let answer = try await ask([order], manifest.timeouts.make)[0]
            if let refusal = answer.refusal("make", by: manifest.id) { throw .refusal(refusal) }
        } catch {
            switch error {
            case .refusal(let failure): throw failure
            case .fault(let fault): throw await end(for: fault)
            }
        }
    }

    private func perform(_ method: String, _ params: [UInt8]) async throws(ExternalError) -> [UInt8] {
        switch method {
        case "step": return try await step(params)
        case "reset": return try await reset(params)
        case "render": return try plan(params) { (episodes, params) throws(Failure) in try episodes.rendered(params) }
        case "status": return state.withLock(\.episodes.status)
        case "sample_action": return try await sample(params)
        case "save": return try await save()
        case "restore": return try await restore(params)
        default:
            throw .refusal(Failure(.methodNotFound, "An external environment has no method called \(method)."))
        }
    }

    private func reset(_ params: [UInt8]) async throws(ExternalError) -> [UInt8] {
        let orders = try plan(params) { (episodes, params) throws(Failure) in try episodes.resets(params) }
        let answers = try await ask(orders, manifest.timeouts.reset)
        let shown = try take(answers, orders)
        return state.withLock { $0.episodes.result(shown, ofStep: false) }
    }

    private func step(_ params: [UInt8]) async throws(ExternalError) -> [UInt8] {
        let orders: [ProgramOrder]
        do throws(Failure) {
            orders = try state.withLock { (state) throws(Failure) in try state.episodes.steps(params) }
        } catch { throw .refusal(error) }
        let answers = try await ask(orders, manifest.timeouts.step)
        var shown = try take(answers, orders)
        let (places, resets) = state.withLock { $0.episodes.restarts(orders) }
        if !resets.isEmpty {
            let begun = try take(try await ask(resets, manifest.timeouts.reset), resets)
            for (place, first) in zip(places, begun) { shown[place] = .init(turn: first.turn, last: shown[place].turn) }
        }
        return state.withLock { $0.episodes.result(shown, ofStep: true) }
    }

    /// Takes answers to steps and resets into the books.
    private func take(
        _ answers: [ProgramAnswer], _ orders: [ProgramOrder]
    ) throws(ExternalError) -> [ProgramEpisodes.Shown] {
        var shown: [ProgramEpisodes.Shown] = []
        shown.reserveCapacity(orders.count)
        for (answer, order) in zip(answers, orders) {
            if let refusal = answer.refusal(order.method, by: manifest.id) {
                throw .refusal(state.withLock { $0.episodes.take(refusal, at: order.index) })
            }
            do throws(ProgramFault) {
                var turn = try ProgramTurn(answer, ofStep: order.isStep)
                state.withLock { state in
                    if order.isStep {
                        state.episodes.play(&turn, at: order.index)
                    } else {
                        state.episodes.begin(turn, at: order.index)
                    }
                }
                shown.append(.init(turn: turn))
            } catch { throw .fault(error) }
        }
        return shown
    }

    private func sample(_ params: [UInt8]) async throws(ExternalError) -> [UInt8] {
        let orders = try plan(params) { (episodes, params) throws(Failure) in try episodes.samples(params) }
        let texts = try texts("action", try await ask(orders, manifest.timeouts.step), orders)
        return state.withLock { $0.episodes.result("action", texts) }
    }

    private func save() async throws(ExternalError) -> [UInt8] {
        let orders = state.withLock(\.episodes.saves)
        let texts = try texts("state", try await ask(orders, manifest.timeouts.step), orders)
        do throws(Failure) {
            return try state.withLock { (state) throws(Failure) in
                try state.episodes.saved(
                    texts.map { JSONScanner.string(at: 0..<$0.count, in: $0.span) ?? "" })
            }
        } catch { throw .refusal(error) }
    }

    private func restore(_ params: [UInt8]) async throws(ExternalError) -> [UInt8] {
        let (episodes, orders) = try plan(params) { (episodes, params) throws(Failure) in
            try episodes.restoring(params)
        }
        let answers = try await ask(orders, manifest.timeouts.step)
        for (answer, order) in zip(answers, orders) {
            guard let refusal = answer.refusal(order.method, by: manifest.id) else { continue }
            // Some may stand where the state says and some not: none can go on.
            throw .refusal(state.withLock { $0.episodes.breakOff(refusal) })
        }
        return state.withLock { state in
            state.episodes = episodes
            return episodes.status
        }
    }

    /// The member called `name` of every answer, a JSON string.
    private func texts(
        _ name: StaticString, _ answers: [ProgramAnswer], _ orders: [ProgramOrder]
    ) throws(ExternalError) -> [[UInt8]] {
        var texts: [[UInt8]] = []
        for (answer, order) in zip(answers, orders) {
            if let refusal = answer.refusal(order.method, by: manifest.id) { throw .refusal(refusal) }
            do throws(ProgramFault) {
                guard let place = try answer.members([name], of: order.method)[0], answer.line[place.lowerBound] == 0x22
                else { throw .wrongType("\(order.method) with \(name) that is no string") }
                texts.append(Array(answer.line[place]))
            } catch { throw .fault(error) }
        }
        return texts
    }

    /// What the episodes make of `params`.
    private func plan<Plan>(
        _ params: [UInt8], _ body: (ProgramEpisodes, ServiceParams) throws(Failure) -> Plan
    ) throws(ExternalError) -> Plan {
        do throws(Failure) {
            let params = try ServiceParams(params.span, 0..<params.count)
            return try body(state.withLock(\.episodes), params)
        } catch { throw .refusal(error) }
    }

    private func ask(_ orders: [ProgramOrder], _ limit: Duration) async throws(ExternalError) -> [ProgramAnswer] {
        do throws(ProgramFault) {
            return try await line.exchange(orders, limit: callTimeout ?? limit)
        } catch { throw .fault(error) }
    }

    // MARK: - The end

    /// Ends program and sandbox for what the program did.
    ///
    /// - Returns: The failure that this call and all later ones get.
    private func end(for fault: ProgramFault) async -> Failure {
        if let failure { return failure }
        let end = try? await program.end(within: fault.grace)
        // Where the rocklet does not answer, its sandbox has ended or is of no use.
        let why = end == nil ? "the agent in it does not answer." : nil
        let failure = fault.failure(of: manifest.id, end, sandboxEnd: why)
        let isFirst = state.withLock { state in
            if let end { state.log = end.errors }
            guard !state.isClosed, state.failure == nil else { return false }
            state.failure = failure
            return true
        }
        guard isFirst else { return self.failure ?? failure }
        beginRemoval()
        return failure
    }

    /// The last that the program wrote to its standard error, at most 32 KiB.
    func log() async throws(Failure) -> [UInt8] {
        if let log = state.withLock(\.log) { return log }
        return try await program.errors()
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        await beginRemoval().value
    }

    /// Gives everything back, once. Whoever closes the sandbox waits for it.
    @discardableResult
    private func beginRemoval() -> Task<Void, Never> {
        state.withLock { state in
            if let removal = state.removal { return removal }
            let removal = Task { [line, program, remove] in
                line.close()
                program.close()
                await remove()
            }
            state.removal = removal
            return removal
        }
    }
}

/// Why a call was not played.
enum ExternalError: Error {
    /// It was refused, and the environment goes on.
    case refusal(Failure)
    case fault(ProgramFault)
}
