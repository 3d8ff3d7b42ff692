import Episodes
import GEM

/// A sandbox made like the one in which a stretch of episodes was recorded.
struct ReplaySandbox: Sendable {
    private let client: RPCClient
    private let id: JSON
    /// Which environment of several plays; `nil` for a single one.
    private let index: Int?
    /// Whether the step that ends an episode begins the next.
    let restartsItself: Bool

    /// Makes what the first episode of a stretch asks for; whoever does closes it.
    ///
    /// A stream that began with a seed is played by a single environment, whatever it was recorded in. A state only fits where
    /// everything is as it was.
    /// - Throws: ``CommandError``.
    init(_ first: RecordedEpisode, _ client: RPCClient) async throws {
        let kwargs = (try? JSON(parsing: first.making.kwargs)) ?? [:]
        var params: JSON.Object = ["env_id": .string(first.making.environment), "kwargs": kwargs, "record": false]
        var state: String?
        if case .state(let text, _, _) = first.start {
            state = text
            params["autoreset"] = .string(first.making.autoreset.rawValue)
            if let count = first.making.count { params["num_envs"] = .number(.init(count)) }
        }
        index = state == nil || first.making.count == nil ? nil : first.index
        restartsItself = state != nil && first.making.autoreset == .sameStep
        let made = try await client.call("make", .object(params))
        guard let id = made["sandbox_id"] else {
            throw CommandError(.failure, "the answer to make names no sandbox")
        }
        (self.client, self.id) = (client, id)
        guard let state else { return }
        do {
            _ = try await client.call("restore", ["sandbox_id": id, "state": .string(state)])
        } catch {
            await close()
            throw error
        }
    }

    /// Closes the sandbox. A server that is gone has closed it already, so nobody is told of a failure.
    func close() async {
        // In a task of its own: an interrupted command is cancelled, and its clean-up must not be.
        _ = await Task { try? await client.call("close", ["sandbox_id": id]) }.value
    }

    // MARK: Calls

    func reset(_ seed: Seed?) -> RPCClient.Call {
        var params = base
        if let seed { params["seed"] = index == nil ? .number(.init(Int(seed))) : [.number(.init(Int(seed)))] }
        return .init("reset", .object(params))
    }

    func step(_ action: String) -> RPCClient.Call {
        var params: JSON.Object = ["sandbox_id": id]
        if let index {
            params["actions"] = [String(index): .string(action)]
        } else {
            params["action"] = .string(action)
        }
        return .init("step", .object(params))
    }

    var sample: RPCClient.Call { .init("sample_action", .object(base)) }

    func render(_ mode: RenderMode) -> RPCClient.Call {
        var params = base
        params["mode"] = .string(mode.rawValue)
        return .init("render", .object(params))
    }

    private var base: JSON.Object {
        var params: JSON.Object = ["sandbox_id": id]
        if let index { params["indices"] = [.number(.init(index))] }
        return params
    }

    /// Carries out `calls`, in one message.
    func outcomes(of calls: [RPCClient.Call]) async throws -> [Result<JSON, Failure>] {
        try await client.attempts(calls)
    }

    /// What `result` says about the environment that plays.
    func field(_ name: String, of result: JSON) -> JSON? { index == nil ? result[name] : result[name]?[0] }
}
