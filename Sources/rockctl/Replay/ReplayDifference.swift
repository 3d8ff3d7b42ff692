import Episodes
import GEM

/// Where an episode that is played again goes another way than its record says.
struct ReplayDifference: Sendable {
    let episode: RecordedEpisode.ID
    /// Counted from 1; 0 is the beginning of the episode, and behind the last step come its sums.
    let step: Int
    /// Such as `reward`.
    let what: String
    let recorded: String
    let played: String

    /// For people.
    var text: String {
        let place = step == 0 ? "at its beginning" : "step \(step)"
        return "episode \(episode), \(place): \(what) is \(played), recorded was \(recorded)"
    }

    var json: JSON {
        [
            "event": "difference", "episode": .number(.init(Int(episode))), "step": .number(.init(step)),
            "what": .string(what), "recorded": .string(recorded), "played": .string(played),
        ]
    }
}

/// Compares an episode as it is played again with its record, step by step.
struct ReplayComparison {
    private let episode: RecordedEpisode
    private var chain: EpisodeChain
    private var number = 0
    private(set) var difference: ReplayDifference?

    init(_ episode: RecordedEpisode) {
        self.episode = episode
        chain = EpisodeChain(first: episode.first)
        guard case .state(let state, isReset: false, _) = episode.start else { return }
        compare("the state", episode.first.description, EpisodeDigest(of: state).description)
    }

    /// What the reset showed.
    mutating func begin(_ observation: String) {
        compare("the observation's digest", episode.first.description, EpisodeDigest(of: observation).description)
    }

    /// What a step gave.
    mutating func add(_ turn: Turn, recorded step: RecordedStep) {
        number += 1
        guard difference == nil else { return }
        let observation = EpisodeDigest(of: turn.observation.string ?? "")
        chain.add(
            observation: observation, reward: turn.reward, terminated: turn.terminated, truncated: turn.truncated)
        // −0.0 is not 0.0 here: the record is exact.
        if step.reward.bitPattern != turn.reward.bitPattern {
            compare("the reward", "\(step.reward)", "\(turn.reward)")
        }
        compare("terminated", "\(step.terminated)", "\(turn.terminated)")
        compare("truncated", "\(step.truncated)", "\(turn.truncated)")
        compare("the observation's digest", step.observation.description, observation.description)
        compare("the running hash", step.hash.description, chain.value.description)
    }

    /// The environment refused to go on.
    mutating func fail(_ failure: Failure, atStep number: Int) {
        self.number = number
        compare("the answer", "a result", "the failure \(failure.kind.rawValue): \(failure.message)")
    }

    /// All of `steps` were played.
    mutating func end(_ steps: [RecordedStep]) {
        guard difference == nil else { return }
        do throws(EpisodeLine.Fault) { try EpisodeLine.check(episode, steps) } catch {
            compare("the sum of its steps", "another", "not what the record says: it \(error)")
        }
    }

    private mutating func compare(_ what: String, _ recorded: String, _ played: String) {
        guard difference == nil, recorded != played else { return }
        difference = ReplayDifference(
            episode: episode.id, step: number, what: what, recorded: recorded, played: played)
    }
}
