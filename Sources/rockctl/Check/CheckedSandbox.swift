import GEM

/// One sandbox of the environment that is checked; every call may be refused.
struct CheckedSandbox: Sendable {
    let client: RPCClient
    let id: JSON
    /// What `make` answered; empty for a fork.
    let made: JSON

    func calls(_ script: CheckScript) -> [RPCClient.Call] { [reset(script.seed)] + script.actions.map { step($0) } }

    func reset(_ seed: Seed?) -> RPCClient.Call {
        .init("reset", ["sandbox_id": id, "seed": seed.map { .number(JSON.Number(Int($0))) } ?? .null])
    }

    func step(_ action: String) -> RPCClient.Call {
        .init("step", ["sandbox_id": id, "action": .string(action)])
    }

    /// Makes one call about this sandbox.
    func call(_ method: String, _ params: JSON.Object = [:]) async throws -> CheckAnswer {
        var params = params
        params["sandbox_id"] = id
        return try await attempt(.init(method, .object(params)))
    }

    func attempt(_ call: RPCClient.Call) async throws -> CheckAnswer {
        try await client.attempts([call]).first ?? .failure(Failure(.internalError, "There is no answer."))
    }

    /// Calls of one message; the server's limits on batches are far above this.
    private static let batch = 256

    /// Plays `script` to its end or the episode's.
    func play(_ script: CheckScript) async throws -> CheckEpisode {
        var answers: [CheckAnswer] = []
        var calls = calls(script)[...]
        while !calls.isEmpty, !(answers.last?.endsEpisode ?? false) {
            try Task.checkCancellation()
            answers += try await client.attempts(Array(calls.prefix(Self.batch)))
            calls = calls.dropFirst(Self.batch)
        }
        let start = answers.first ?? .failure(Failure(.internalError, "There is no answer."))
        let turns = answers.dropFirst()
        let end = turns.firstIndex { $0.endsEpisode }
        return CheckEpisode(script: script, start: start, turns: Array(end.map { turns[...$0] } ?? turns))
    }

    /// The rest of an episode that has begun.
    func go(on actions: ArraySlice<String>) async throws -> [CheckAnswer] {
        guard !actions.isEmpty else { return [] }
        let answers = try await client.attempts(actions.map { step($0) })
        return Array(answers.prefix((answers.firstIndex { $0.endsEpisode } ?? answers.count) + 1))
    }
}
