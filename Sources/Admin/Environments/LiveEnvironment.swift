import GEM
import Registry
import SandboxHost
import Synchronization

/// An environment that was made and not closed yet: what is known about it, and the sandbox it runs in.
final class LiveEnvironment: Sendable {
    let id: SandboxID
    let request: MakeRequest
    let origin: Origin
    /// How long one call may take before its sandbox is killed.
    let callTimeout: Duration
    /// How long it may stay unused before it is closed.
    let idleTimeout: Duration
    /// The last answers to calls that carried a request id; two, because a client repeats its last request only.
    let answers = RememberedAnswers(capacity: 2)
    /// The timer and the connection that can end it.
    let ties = Ties()
    /// Writes down what is played; `nil` where that is not wanted.
    let recorder: EnvironmentRecorder?

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
        /// Calls of `step` since the last `reset`; `nil` where an earlier server counted them.
        var steps: Int?
    }

    private let state: Mutex<State>

    /// - Parameters:
    ///   - id: The name of its sandbox.
    ///   - request: What was asked for.
    ///   - origin: Who asked, and when.
    ///   - sandbox: Where it was made.
    ///   - callTimeout: How long one call may take where the request does not say.
    ///   - idleTimeout: How long it may stay unused where the request does not say.
    ///   - steps: How many it has made since its last reset; `nil` where that is unknown.
    ///   - recorder: Writes down what is played; `nil` where that is not wanted.
    init(
        id: SandboxID, request: MakeRequest, origin: Origin, sandbox: any EnvironmentSandbox, callTimeout: Duration,
        idleTimeout: Duration, steps: Int? = 0, recorder: EnvironmentRecorder? = nil
    ) {
        self.id = id
        self.request = request
        self.origin = origin
        self.recorder = recorder
        self.callTimeout = request.callTimeout ?? callTimeout
        self.idleTimeout = request.idleTimeout ?? idleTimeout
        state = Mutex(State(phase: .running(sandbox), sandbox: sandbox, steps: steps))
    }

    /// The sandbox that runs, or the one that ran last.
    var sandbox: any EnvironmentSandbox { state.withLock(\.sandbox) }

    /// Seconds since it was made.
    var age: Double { max(0, Double(Timestamp.now().microseconds - origin.made.microseconds) / 1e6) }

    /// Calls of `step` since the last `reset`; `nil` where an earlier server counted them.
    var steps: Int? { state.withLock(\.steps) }

    /// Asks the sandbox for the steps that an earlier server counted, unless it has something else to do.
    func learnSteps() async {
        let sandbox = sandbox
        guard steps == nil, (sandbox as? Sandbox)?.isIdle ?? false,
            case .result(let account)? = try? await sandbox.call("status", params: [0x7B, 0x7D], limit: callTimeout),
            let count = (try? JSON(parsing: account.span))?["steps"]?.int
        else { return }
        state.withLock { state in
            if state.steps == nil { state.steps = count }
        }
    }

    /// When the environment counts as unused unless something calls it before.
    var idleDeadline: ContinuousClock.Instant { state.withLock { $0.lastUsed + idleTimeout } }

    /// Passes one call to the sandbox and its answer back. Calls reach the sandbox in the order they come.
    ///
    /// - Throws: ``Failure`` when the sandbox fails; from then on every call says the same, until a reset.
    func call(_ method: StaticString, params: [UInt8]) async throws(Failure) -> Reply {
        guard let recorder else { return try await pass(method, params) }
        return try await recorder.call(method, params, on: self)
    }

    /// ``call(_:params:)`` without a record of it.
    func pass(_ method: StaticString, _ params: [UInt8]) async throws(Failure) -> Reply {
        let sandbox = await runningSandbox()
        return try await sandbox.call(method, params: params, limit: callTimeout)
    }

    /// Passes one step on, and counts it.
    ///
    /// - Throws: As ``call(_:params:)``.
    func step(params: [UInt8]) async throws(Failure) -> Reply {
        guard let recorder else { return try await passStep(params) }
        return try await recorder.call("step", params, on: self)
    }

    /// ``step(params:)`` without a record of it.
    func passStep(_ params: [UInt8]) async throws(Failure) -> Reply {
        let sandbox = await runningSandbox { $0.steps? += 1 }
        return try await sandbox.call("step", params: params, limit: callTimeout)
    }

    /// Passes a reset to the sandbox; where that has died, `start` makes a new one first.
    func reset(
        params: [UInt8], start: (LiveEnvironment) async throws(Failure) -> any EnvironmentSandbox
    ) async throws(Failure) -> Reply {
        guard let recorder else { return try await passReset(params, start: start) }
        return try await recorder.reset(params, on: self, start: start)
    }

    /// ``reset(params:start:)`` without a record of it.
    func passReset(
        _ params: [UInt8], start: (LiveEnvironment) async throws(Failure) -> any EnvironmentSandbox
    ) async throws(Failure) -> Reply {
        let sandbox = await runningSandbox { $0.steps = 0 }
        guard sandbox.failure != nil, beginRevival(of: sandbox) else { return try await pass("reset", params) }
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
    private func runningSandbox(noting note: (inout State) -> Void = { _ in }) async -> any EnvironmentSandbox {
        while true {
            let running: (any EnvironmentSandbox)? = state.withLock { state in
                state.lastUsed = .now
                guard case .running(let sandbox) = state.phase else { return nil }
                note(&state)
                return sandbox
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
