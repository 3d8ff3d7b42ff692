import CLinux
import GEM
import Glibc
import Transport

/// What one environment reaches over HTTP, beside Python in process.
struct GameBench {
    let place: HTTPPlace
    /// How long each loop runs.
    let duration: Duration
    /// Environments of a vector.
    let count: Int

    /// What one id reaches.
    struct Result: Sendable {
        let id: String
        /// Steps a second, called one by one over one connection.
        let single: Double
        /// Environment steps a second of a vector, without resets and with them.
        let vector: Double
        let episodes: Double
        /// Resets a second of a vector with a new seed each.
        let resets: Double
        /// Bytes of an answer for each environment that it steps.
        let bytes: Double
        /// What the Python package reaches in process; `nil` where it does not have the id.
        let peer: BenchPeer.Rates?
    }

    /// Measures `spec`; `peer` first, which says how many seeds there is time for.
    ///
    /// - Throws: ``CommandError``.
    func measure(_ spec: EnvironmentSpec, peer: BenchPeer?) throws -> Result? {
        guard let game = BenchGame.of(spec.id) else { return nil }
        let id = spec.id.description
        let endless = game.endlessArguments(of: spec.id)
        let rates = try peer.flatMap { peer in
            spec.id.namespace != "game"
                ? nil
                : try peer.rates(
                    of: id, endless: endless, actions: game.actions, seconds: duration / .seconds(1))
        }
        let (vector, bytes) = try vector(id, game, endless, limit: 1)
        return Result(
            id: id, single: try single(id, game, endless), vector: vector,
            episodes: try self.vector(id, game, [:], limit: spec.maxTurns ?? 50).rate,
            resets: try resets(id, seeds: min(count, rates?.count ?? count)), bytes: bytes, peer: rates)
    }

    private func single(_ id: String, _ game: BenchGame, _ arguments: JSON.Object) throws -> Double {
        try with(id, ["kwargs": .object(arguments), "autoreset": "next_step"]) { connection, sandbox in
            let steps = game.actions.map { action in
                connection.prepare("step", ["sandbox_id": sandbox, "action": .string(action)])
            }
            return try rate { turn in
                try connection.send(steps[turn % steps.count])
                return try connection.receive()
            }.perSecond
        }
    }

    /// All environments of a vector at once; the loop ends with a whole number of `limit` turns, for resets come all at once.
    private func vector(
        _ id: String, _ game: BenchGame, _ arguments: JSON.Object, limit: Int
    ) throws -> (rate: Double, bytes: Double) {
        try with(id, make(arguments)) { connection, sandbox in
            let steps = game.actions.indices.map { turn in
                let actions = (0..<count).map { JSON.string(game.actions[(turn + $0) % game.actions.count]) }
                return connection.prepare("step", ["sandbox_id": sandbox, "actions": .array(actions)])
            }
            let measured = try rate(wholes: limit) { turn in
                try connection.send(steps[turn % steps.count])
                return try connection.receive()
            }
            return (measured.perSecond * Double(count), measured.bytes / Double(count))
        }
    }

    private func resets(_ id: String, seeds: Int) throws -> Double {
        try with(id, make([:])) { connection, sandbox in
            let list = (0..<count).map { JSON.number(JSON.Number($0 % max(1, seeds))) }
            let reset = connection.prepare("reset", ["sandbox_id": sandbox, "seed": .array(list)])
            return try rate { _ in
                try connection.send(reset)
                return try connection.receive()
            }.perSecond * Double(count)
        }
    }

    private func make(_ arguments: JSON.Object) -> JSON.Object {
        ["num_envs": .number(JSON.Number(count)), "kwargs": .object(arguments), "autoreset": "same_step"]
    }

    /// Makes a sandbox, resets it, and closes it behind `body`.
    private func with<Value>(
        _ id: String, _ params: JSON.Object, _ body: (BenchConnection, JSON) throws -> Value
    ) throws -> Value {
        let connection = try BenchConnection(place)
        var params = params
        params["env_id"] = .string(id)
        params["call_timeout"] = 120
        let made = try connection.call(connection.prepare("make", .object(params)))
        let sandbox = made["sandbox_id"] ?? .null
        // A server that is gone has closed it already.
        defer { _ = try? connection.call(connection.prepare("close", ["sandbox_id": sandbox])) }
        _ = try connection.call(connection.prepare("reset", ["sandbox_id": sandbox, "seed": 0]))
        return try body(connection, sandbox)
    }

    /// Calls `body`, which returns the bytes of an answer, for as long as the loop runs. The first calls, of which not all are as
    /// those that follow, are not counted.
    private func rate(
        wholes: Int = 1, _ body: (Int) throws -> Int
    ) throws -> (perSecond: Double, bytes: Double) {
        var (calls, bytes) = (0, 0)
        if wholes == 1 { for turn in 0..<8 { _ = try body(turn) } }
        let (start, limit) = (rock_now_ns(), Int64(duration / .nanoseconds(1)))
        var now = start
        while now - start < limit || calls % wholes != 0 {
            bytes += try body(calls)
            calls += 1
            now = rock_now_ns()
        }
        return (Double(calls) / Double(now - start) * 1e9, Double(bytes) / Double(calls))
    }
}
