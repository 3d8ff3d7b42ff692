import GEM
import Synchronization

/// The environment that is checked, as a server serves it, with some episodes of it.
final class CheckSubject: Sendable {
    let environment: String
    let client: RPCClient
    /// Seed of the first episode.
    let seed: Seed
    /// How many episodes the check for leaks plays; others play fewer.
    let episodes: Int
    /// What `make` says of the environment.
    let spec: JSON
    /// Episodes played by what the environment proposes, with seeds from ``seed`` on.
    let samples: [CheckEpisode]

    /// Turns after which an episode without an end is left.
    static let mostTurns = 256

    private let open = Mutex<[CheckedSandbox]>([])

    /// Makes the environment and plays some episodes of it.
    ///
    /// - Parameters:
    ///   - environment: Its id.
    ///   - client: Of a server that serves it.
    ///   - seed: Of the first episode.
    ///   - episodes: How many the longest check may play.
    ///   - actions: What is played; where there are none the environment is asked for proposals.
    /// - Throws: ``CheckFault`` where it cannot be played at all; ``CommandError`` where it cannot be made.
    init(_ environment: String, _ client: RPCClient, seed: Seed, episodes: Int, actions: [String]) async throws {
        (self.environment, self.client, self.seed, self.episodes) = (environment, client, seed, episodes)
        let sandbox = try await Self.make(environment, client, [:]).get(CommandError.init)
        spec = sandbox.made["spec"] ?? [:]
        do {
            samples = try await Self.samples(sandbox, seed: seed, count: min(64, episodes), actions: actions)
        } catch {
            _ = try? await sandbox.call("close")  // what went wrong before is what counts
            throw error
        }
        _ = try await sandbox.call("close")
    }

    /// The first `count` episodes as scripts, which anyone can play without asking for proposals.
    func scripts(_ count: Int) -> [CheckScript] { samples.prefix(count).map(\.played) }

    /// The sums of rewards that one step may give, where the environment declares them.
    var rewardRange: ClosedRange<Double>? {
        guard let least = spec["reward_range"]?[0]?.double, let most = spec["reward_range"]?[1]?.double, least <= most
        else { return nil }
        return least...most
    }

    /// Whether the environment draws anything from what a seed starts.
    var usesSeed: Bool { spec["uses_seed"]?.bool ?? true }

    // MARK: Sandboxes

    /// Makes a sandbox, which ``closeAll()`` closes.
    ///
    /// - Throws: ``CheckFault`` where `make` is refused.
    func make(_ params: JSON.Object = [:]) async throws -> CheckedSandbox {
        let sandbox = try await Self.make(environment, client, params).get {
            CheckFault("make is refused: \($0.shown).")
        }
        keep(sandbox)
        return sandbox
    }

    /// Tries to make a sandbox with arguments that the environment may not take.
    func attemptMake(_ params: JSON.Object) async throws -> Result<CheckedSandbox, Failure> {
        let result = try await Self.make(environment, client, params)
        if case .success(let sandbox) = result { keep(sandbox) }
        return result
    }

    /// Has ``closeAll()`` close `sandbox`.
    func keep(_ sandbox: CheckedSandbox) { open.withLock { $0.append(sandbox) } }

    /// Closes every sandbox that a check has made.
    func closeAll() async {
        let sandboxes = open.withLock { sandboxes in
            defer { sandboxes = [] }
            return sandboxes
        }
        guard !sandboxes.isEmpty else { return }
        let calls = sandboxes.map { RPCClient.Call("close", ["sandbox_id": $0.id]) }
        // In a task of its own: an interrupted command is cancelled, and its clean-up must not be. A server that is gone has
        // closed them already.
        _ = await Task { [client] in try? await client.attempts(calls) }.value
    }

    private static func make(
        _ environment: String, _ client: RPCClient, _ more: JSON.Object
    ) async throws -> Result<CheckedSandbox, Failure> {
        var params: JSON.Object = ["env_id": .string(environment)]
        for (name, value) in more.members { params[name] = value }
        let answer = try await client.attempts([.init("make", .object(params))]).first
        return (answer ?? .failure(Failure(.internalError, "There is no answer."))).map { made in
            CheckedSandbox(client: client, id: made["sandbox_id"] ?? .null, made: made)
        }
    }

    // MARK: Episodes

    /// Actions for environments that propose none.
    private static let guesses = [#"\boxed{1}"#, #"\boxed{up}"#, #"\boxed{a}"#, "up", "0", "a"]

    private static func samples(
        _ sandbox: CheckedSandbox, seed: Seed, count: Int, actions: [String]
    ) async throws -> [CheckEpisode] {
        var samples: [CheckEpisode] = []
        var stream = MersenneTwister(seed: UInt64(seed))
        var actions = actions
        for number in 0..<count {
            try Task.checkCancellation()
            var script = CheckScript(seed: seed &+ Seed(truncatingIfNeeded: number))
            let start = try await sandbox.attempt(sandbox.reset(script.seed))
            try start.expectStart(script)
            var turns: [CheckAnswer] = []
            while turns.count < CheckSubject.mostTurns, !(turns.last?.endsEpisode ?? false) {
                if actions.isEmpty, let proposal = try await sandbox.call("sample_action").json?["action"]?.string {
                    script.actions.append(proposal)
                } else {
                    if actions.isEmpty { actions = guesses }
                    script.actions.append(stream.pick(actions))
                }
                let turn = try await sandbox.attempt(sandbox.step(script.actions[turns.count]))
                try turn.expectTurn(script)
                turns.append(turn)
            }
            samples.append(CheckEpisode(script: script, start: start, turns: turns))
        }
        return samples
    }
}

extension Result {
    /// The value, or the failure as another error.
    func get<Other: Error>(_ transform: (Failure) -> Other) throws(Other) -> Success {
        switch self {
        case .success(let value): return value
        case .failure(let failure): throw transform(failure)
        }
    }
}
