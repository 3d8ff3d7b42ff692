import GEM
import Synchronization
import Transport

/// Chooses actions.
protocol Policy: Sendable {
    /// Whether an action proposed by the environment is wanted for that turn, counted from 1.
    func proposal(beforeTurn turn: Int) -> Bool

    /// The first action of an episode.
    func begin(_ episode: Episode, observation: JSON, proposal: String?) async throws -> String

    /// The action after `turn`, which was not the last.
    func act(on turn: Turn, proposal: String?) async throws -> String

    /// Learns how the episode ended.
    func end(_ turn: Turn) async throws

    /// Ends it, whatever it is doing.
    func stop() async
}

/// How actions are chosen, as the command line says it.
enum PolicyKind: Sendable {
    case random, first
    /// A command for the shell; see ``PolicyProgram``.
    case program(String)

    static let words = ["random", "first"]

    init(_ text: String) {
        self =
            switch text {
            case "random": .random
            case "first": .first
            default: .program(text)
            }
    }

    /// A policy for one sandbox.
    func start(threads: BlockingPool) async throws -> any Policy {
        switch self {
        case .random: ProposedPolicy(keepsFirst: false)
        case .first: ProposedPolicy(keepsFirst: true)
        case .program(let command): try PolicyProgram(command, threads: threads)
        }
    }
}

/// Takes what the environment proposes: something else each turn, or the episode's first proposal again and again.
private final class ProposedPolicy: Policy {
    private let keepsFirst: Bool
    private let kept = Mutex<String?>(nil)

    init(keepsFirst: Bool) { self.keepsFirst = keepsFirst }

    func proposal(beforeTurn turn: Int) -> Bool { turn == 1 || !keepsFirst }

    func begin(_ episode: Episode, observation: JSON, proposal: String?) async throws -> String {
        let action = try Self.known(proposal)
        kept.withLock { $0 = action }
        return action
    }

    func act(on turn: Turn, proposal: String?) async throws -> String {
        keepsFirst ? try Self.known(kept.withLock { $0 }) : try Self.known(proposal)
    }

    func end(_ turn: Turn) async throws {}
    func stop() async {}

    private static func known(_ action: String?) throws -> String {
        guard let action else { throw CommandError(.failure, "the environment proposes no action") }
        return action
    }
}
