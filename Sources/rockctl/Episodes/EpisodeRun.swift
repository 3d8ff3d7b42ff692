import GEM
import SandboxHost
import Synchronization
import Transport

/// Episodes of one environment, played by a policy, some side by side.
struct EpisodeRun: Sendable {
    let environment: String
    let firstSeed: Seed?
    let episodes: Int
    /// How many sandboxes play at a time.
    let parallel: Int
    let policy: PolicyKind
    /// What is to be drawn each turn, if anything.
    let picture: RenderMode?
    /// How long a turn is shown at least.
    let pause: Duration
    /// Is told everything. Called from several tasks, one call at a time for each episode.
    let report: @Sendable (EpisodeEvent) async throws -> Void

    /// Plays until every episode is over.
    ///
    /// - Throws: ``CommandError``; `CancellationError` where the task was cancelled.
    func play(with client: RPCClient) async throws {
        let queue = EpisodeQueue(count: episodes, firstSeed: firstSeed)
        let threads = BlockingPool(threads: parallel)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<parallel {
                group.addTask { try await work(client, threads: threads, queue) }
            }
            try await group.waitForAll()
        }
    }

    /// Plays episode after episode in one sandbox.
    private func work(_ client: RPCClient, threads: BlockingPool, _ queue: EpisodeQueue) async throws {
        guard var episode = queue.next() else { return }
        let sandbox = try await EnvironmentClient(environment, client)
        do {
            let policy = try await policy.start(threads: threads)
            do {
                while true {
                    try await play(episode, in: sandbox, policy)
                    guard let following = queue.next() else { break }
                    episode = following
                }
            } catch {
                await policy.stop()
                throw error
            }
            await policy.stop()
        } catch {
            await sandbox.close()
            throw error
        }
        await sandbox.close()
    }

    private func play(_ episode: Episode, in sandbox: EnvironmentClient, _ policy: any Policy) async throws {
        try Task.checkCancellation()
        let start = try await sandbox.reset(
            seed: episode.seed, picture: picture, proposing: policy.proposal(beforeTurn: 1))
        let observation = start.result["observation"] ?? .null
        try await report(
            .reset(episode, observation: observation, info: start.result["info"] ?? [:], picture: start.picture))
        var action = try await policy.begin(episode, observation: observation, proposal: start.proposal)
        var result = EpisodeResult(episode)
        while true {
            try Task.checkCancellation()
            if pause > .zero { try await Task.sleep(for: pause) }
            let answer = try await sandbox.step(
                action, picture: picture, proposing: policy.proposal(beforeTurn: result.length + 2))
            guard let turn = Turn(number: result.length + 1, action: action, result: answer.result) else {
                throw CommandError(.failure, "the answer to step \(result.length + 1) lacks a field")
            }
            result.add(turn)
            try await report(.step(episode, turn, picture: answer.picture))
            if turn.isLast {
                try await policy.end(turn)
                try await report(.end(result))
                return
            }
            action = try await policy.act(on: turn, proposal: answer.proposal)
        }
    }
}

/// Hands out the episodes of a run.
private final class EpisodeQueue: Sendable {
    private let begun = Atomic(0)
    private let count: Int
    private let firstSeed: Seed?

    init(count: Int, firstSeed: Seed?) {
        self.count = count
        self.firstSeed = firstSeed
    }

    /// The next episode that nobody plays yet; `nil` after the last.
    func next() -> Episode? {
        let number = begun.wrappingAdd(1, ordering: .relaxed).newValue
        guard number <= count else { return nil }
        // Seeds go round at their end: 2³²−1 is followed by 0.
        return Episode(number: number, seed: firstSeed.map { $0 &+ Seed(truncatingIfNeeded: number - 1) })
    }
}
