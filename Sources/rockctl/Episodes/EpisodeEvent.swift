import GEM

/// What happens in episodes, in the order in which it happens within each.
enum EpisodeEvent: Sendable {
    /// An episode begins.
    case reset(Episode, observation: JSON, info: JSON, picture: String?)
    /// A turn was played.
    case step(Episode, Turn, picture: String?)
    /// An episode is over.
    case end(EpisodeResult)
}

/// Which episode it is.
struct Episode: Sendable {
    /// Counted from 1.
    let number: Int
    /// `nil` where the stream of the environment goes on.
    let seed: Seed?
}

/// One turn and what it gave.
struct Turn: Sendable {
    /// Counted from 1.
    let number: Int
    let action: String
    let observation: JSON
    let reward: Double
    let terminated: Bool
    let truncated: Bool
    let info: JSON

    /// Reads the result of a `step`; `nil` where it is none.
    init?(number: Int, action: String, result: JSON) {
        guard let observation = result["observation"], let reward = result["reward"]?.double,
            let terminated = result["terminated"]?.bool, let truncated = result["truncated"]?.bool
        else { return nil }
        self.number = number
        self.action = action
        self.observation = observation
        self.reward = reward
        self.terminated = terminated
        self.truncated = truncated
        info = result["info"] ?? [:]
    }

    /// Whether the episode ends here.
    var isLast: Bool { terminated || truncated }
}

/// What became of an episode.
struct EpisodeResult: Sendable {
    let episode: Episode
    /// The sum of the rewards.
    var total = 0.0
    /// Turns played.
    var length = 0
    var terminated = false
    var truncated = false

    init(_ episode: Episode) { self.episode = episode }

    mutating func add(_ turn: Turn) {
        total += turn.reward
        length = turn.number
        terminated = turn.terminated
        truncated = turn.truncated
    }
}
