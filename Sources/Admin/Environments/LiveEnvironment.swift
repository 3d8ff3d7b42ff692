import GEM
import SandboxHost
import Synchronization

/// An environment that was made and not closed yet: what is known about it, and the sandbox it runs in.
final class LiveEnvironment: Sendable {
    let id: SandboxID
    let request: MakeRequest
    /// How long one call may take before its sandbox is killed.
    let callTimeout: Duration
    /// How long it may stay unused before it is closed.
    let idleTimeout: Duration
    let madeAt = ContinuousClock.now
    /// The last answers to calls that carried a request id; two, because a client repeats its last request only.
    let answers = RememberedAnswers(capacity: 2)
    /// The timer and the connection that can end it.
    let ties = Ties()

    private enum Phase {
        case running(any EnvironmentSandbox)
        /// The sandbox died and a reset is putting a new one in its place.
        case reviving(waiting: [CheckedContinuation<Void, Never>])
    }

    private struct State {
        var phase: Phase
        /// The sandbox that runs, or the one that ran last.
        var sandbox: any EnvironmentSandbox
        var lastUsed = ContinuousClock.now
    }

    private let state: Mutex<State>

    init(
        id: SandboxID, request: MakeRequest, sandbox: any EnvironmentSandbox, callTimeout: Duration,
        idleTimeout: Duration
    ) {
        self.id = id
        self.request = request
        self.callTimeout = request.callTimeout ?? callTimeout
        self.idleTimeout = request.idleTimeout ?? idleTimeout
        state = Mutex(State(phase: .running(sandbox), sandbox: sandbox))
    }

    /// The sandbox that runs, or the one that ran last.
    var sandbox: any EnvironmentSandbox { state.withLock(\.sandbox) }

    /// When the environment counts as unused unless something calls it before.
    var idleDeadline: ContinuousClock.Instant { state.withLock { $0.lastUsed + idleTimeout } }

    /// Passes one call to the sandbox and its answer back. Calls reach the sandbox in the order they come.
    ///
    /// - Throws: ``Failure`` when the sandbox fails; from then on every call says the same, until a reset.
    func call(_ method: StaticString, params: [UInt8]) async throws(Failure) -> Reply {
        let sandbox = await runningSandbox()
        return try await sandbox.call(method, params: params, limit: callTimeout)
    }

    /// Passes a reset to the sandbox; where that has died, `start` makes a new one first.
    func reset(
        params: [UInt8], start: (LiveEnvironment) async throws(Failure) -> any EnvironmentSandbox
    ) async throws(Failure) -> Reply {
        let sandbox = await runningSandbox()
        guard sandbox.failure != nil, beginRevival(of: sandbox) else {
            return try await call("reset", params: params)
        }
        do {
            let new = try await start(self)
            endRevival(with: new)
            return try await new.call("reset", params: params, limit: callTimeout)
        } catch {
            endRevival(with: nil)
            throw error
        }
    }

    /// Waits while a reset replaces the sandbox, and notes that the environment is in use.
    private func runningSandbox() async -> any EnvironmentSandbox {
        while true {
            let running: (any EnvironmentSandbox)? = state.withLock { state in
                state.lastUsed = .now
                if case .running(let sandbox) = state.phase { return sandbox }
                return nil
            }
            if let running { return running }
            await withCheckedContinuation { continuation in
                let isOver: Bool = state.withLock { state in
                    guard case .reviving(let waiting) = state.phase else { return true }
                    state.phase = .reviving(waiting: waiting + [continuation])
                    return false
                }
                if isOver { continuation.resume() }
            }
        }
    }

    /// Claims the revival; false when another reset was quicker.
    private func beginRevival(of dead: any EnvironmentSandbox) -> Bool {
        state.withLock { state in
            guard case .running(let sandbox) = state.phase, sandbox === dead else { return false }
            state.phase = .reviving(waiting: [])
            return true
        }
    }

    /// Lets the waiting calls go on, with `new` or, where that could not be made, with the dead sandbox's failure.
    private func endRevival(with new: (any EnvironmentSandbox)?) {
        let waiting: [CheckedContinuation<Void, Never>] = state.withLock { state in
            guard case .reviving(let waiting) = state.phase else { return [] }
            if let new { state.sandbox = new }
            state.phase = .running(state.sandbox)
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
