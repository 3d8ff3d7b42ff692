import GEM
import SandboxHost
import Synchronization

/// One player of one environment, as OpenEnv knows it: it is reset, stepped and asked for its state.
///
/// The environment is made at the first reset, so that a session that never plays costs no sandbox. Calls of one session
/// take effect in their order; whoever owns it sees to that.
final class OpenEnvSession: Sendable {
    private let environment: String
    private let calls: EnvironmentCalls
    private let caller: Caller
    /// What the sandbox's life hangs on besides its use; `nil` for nothing.
    private let connection: ClientConnection?
    private let state = Mutex(State())

    private struct State {
        var sandbox: String?
        /// What the environment was made with.
        var kwargs = JSON.Object()
        var episode: String?
        var steps = 0
    }

    init(_ environment: String, calls: EnvironmentCalls, caller: Caller, connection: ClientConnection?) {
        self.caller = caller
        self.environment = environment
        self.calls = calls
        self.connection = connection
    }

    /// Begins an episode.
    ///
    /// - Parameter request: `seed`, `episode_id` and, for an environment with other arguments than before, `kwargs`.
    /// - Returns: `{"observation", "reward": null, "done": false}`.
    /// - Throws: ``Failure``.
    func reset(_ request: JSON) async throws(Failure) -> JSON {
        let kwargs = request["kwargs"]?.object
        let (sandbox, known) = state.withLock { ($0.sandbox, $0.kwargs) }
        if let sandbox, let kwargs, kwargs != known {
            _ = try? await call(.close, ["sandbox_id": .string(sandbox)])
            state.withLock { $0.sandbox = nil }
        }
        var params: JSON.Object = [:]
        if let seed = request["seed"], !seed.isNull { params["seed"] = seed }
        let turn = try await resetSandbox(params, kwargs: kwargs ?? known)
        state.withLock { state in
            state.episode = request["episode_id"]?.string
            state.steps = 0
        }
        return Self.answer(turn, reward: .null, isDone: false)
    }

    /// Plays one turn.
    ///
    /// - Parameter action: An object with the text as `action`, `text` or `message`.
    /// - Returns: `{"observation", "reward", "done"}`.
    /// - Throws: ``Failure``.
    func step(_ action: JSON) async throws(Failure) -> JSON {
        guard let text = action["action"]?.string ?? action["text"]?.string ?? action["message"]?.string else {
            throw Failure(.invalidAction, "The action must be an object with the agent's text as \"action\".")
        }
        guard let sandbox = state.withLock(\.sandbox) else {
            throw Failure(.notReset, "No episode has begun yet; reset before the first step.")
        }
        let turn = try await call(.step, ["sandbox_id": .string(sandbox), "action": .string(text)])
        state.withLock { $0.steps += 1 }
        let isDone = turn["terminated"]?.bool == true || turn["truncated"]?.bool == true
        return Self.answer(turn, reward: turn["reward"] ?? .null, isDone: isDone)
    }

    /// `{"episode_id", "step_count", "env_id", "sandbox_id"}`.
    var description: JSON {
        state.withLock { state in
            [
                "episode_id": state.episode.map(JSON.string) ?? .null, "step_count": .number(JSON.Number(state.steps)),
                "env_id": .string(environment), "sandbox_id": state.sandbox.map(JSON.string) ?? .null,
            ]
        }
    }

    /// Closes the sandbox, if there is one.
    func close() async {
        guard let sandbox = state.withLock({ $0.sandbox.take() }) else { return }
        // It may have been closed from elsewhere.
        _ = try? await call(.close, ["sandbox_id": .string(sandbox)])
    }

    // MARK: - Calls

    /// Resets the sandbox; makes one where there is none, or none any more.
    private func resetSandbox(_ params: JSON.Object, kwargs: JSON.Object) async throws(Failure) -> JSON {
        var params = params
        if let sandbox = state.withLock(\.sandbox) {
            params["sandbox_id"] = .string(sandbox)
            do throws(Failure) {
                return try await call(.reset, params)
            } catch  where error.kind == .sandboxClosed || error.kind == .unknownSandbox {
                state.withLock { $0.sandbox = nil }
            }
        }
        let made = try await call(
            .make,
            [
                "env_id": .string(environment), "kwargs": .object(kwargs),
                "lease": .string((connection == nil ? MakeRequest.Lease.idle : .connection).rawValue),
            ])
        guard let sandbox = made["sandbox_id"] else { throw Failure(.internalError, "make has named no sandbox.") }
        state.withLock { state in
            state.sandbox = sandbox.string
            state.kwargs = kwargs
        }
        params["sandbox_id"] = sandbox
        return try await call(.reset, params)
    }

    private func call(_ method: Method, _ params: JSON.Object) async throws(Failure) -> JSON {
        let reply = try await calls.perform(
            method, params: JSON.object(params).serialized, caller: caller, connection: connection)
        switch reply {
        case .result(let result): return try Self.parsed(result)
        case .error(let error):
            throw Failure(try Self.parsed(error))
                ?? Failure(.internalError, "The sandbox gave an error that cannot be read.")
        }
    }

    private static func parsed(_ bytes: ArraySlice<UInt8>) throws(Failure) -> JSON {
        do { return try JSON(parsing: bytes.span) } catch {
            throw Failure(.internalError, "The sandbox gave an answer that cannot be read: \(error).")
        }
    }

    private static func answer(_ turn: JSON, reward: JSON, isDone: Bool) -> JSON {
        [
            "observation": [
                "text": turn["observation"] ?? "", "info": turn["info"] ?? [:],
                "terminated": turn["terminated"] ?? false, "truncated": turn["truncated"] ?? false,
            ],
            "reward": reward, "done": .bool(isDone),
        ]
    }
}
