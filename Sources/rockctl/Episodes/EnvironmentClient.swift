import GEM

/// One environment in its sandbox, as a client sees it. Everything a turn needs goes in one message.
struct EnvironmentClient: Sendable {
    private let client: RPCClient
    private let id: JSON
    /// What `make` said of the environment.
    let spec: JSON
    /// What `make` said of the walls around it.
    let isolation: JSON

    /// Makes it; whoever does closes it.
    ///
    /// - Throws: ``CommandError``.
    init(_ environment: String, _ client: RPCClient) async throws {
        let made = try await client.call("make", ["env_id": .string(environment)])
        guard let id = made["sandbox_id"] else {
            throw CommandError(.failure, "the answer to make names no sandbox")
        }
        self.client = client
        self.id = id
        spec = made["spec"] ?? [:]
        isolation = made["isolation"] ?? [:]
    }

    /// What came back from a reset or a step.
    struct Answer {
        let result: JSON
        /// The state as it is drawn, if that was asked for.
        let picture: String?
        /// An action that the environment itself proposes, if that was asked for.
        let proposal: String?
    }

    /// Begins an episode.
    func reset(seed: Seed?, picture: RenderMode?, proposing: Bool) async throws -> Answer {
        let seed = seed.map { JSON.number(JSON.Number(Int($0))) } ?? .null
        return try await call("reset", ["sandbox_id": id, "seed": seed], picture, proposing)
    }

    /// Plays a turn.
    func step(_ action: String, picture: RenderMode?, proposing: Bool) async throws -> Answer {
        try await call("step", ["sandbox_id": id, "action": .string(action)], picture, proposing)
    }

    private func call(
        _ method: String, _ params: JSON, _ picture: RenderMode?, _ proposing: Bool
    ) async throws -> Answer {
        guard picture != nil || proposing else {
            return Answer(result: try await client.call(method, params), picture: nil, proposal: nil)
        }
        var calls = [RPCClient.Call(method, params)]
        if let picture { calls.append(.init("render", ["sandbox_id": id, "mode": .string(picture.rawValue)])) }
        if proposing { calls.append(.init("sample_action", ["sandbox_id": id])) }
        let results = try await client.batch(calls)
        return Answer(
            result: results[0], picture: picture == nil ? nil : results[1]["text"]?.string,
            proposal: proposing ? results.last?["action"]?.string : nil)
    }

    /// Closes the sandbox. A server that is gone has closed it already, so nobody is told of a failure.
    func close() async {
        // In a task of its own: an interrupted command is cancelled, and its clean-up must not be.
        _ = await Task { try? await client.call("close", ["sandbox_id": id]) }.value
    }
}
