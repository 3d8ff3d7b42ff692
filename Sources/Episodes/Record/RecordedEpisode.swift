package import GEM
package import Registry

/// One episode as it was recorded, without its steps.
package struct RecordedEpisode: Equatable, Sendable {
    /// Names an episode in its file; never given out again there.
    package typealias ID = Int64

    /// From where the environment's random stream went when the episode began. Whoever knows it can play the episode again.
    package enum Start: Equatable, Sendable {
        /// A reset with this seed.
        case seed(Seed)
        /// A reset without a seed, so that the stream went on from the end of another episode; `nil` where that one is not in
        /// the file. Between them the stream was moved by `draws` sampled actions.
        case after(ID?, draws: Int)
        /// A state that was saved, the text that `save` answered. With `isReset` sampled actions were drawn and a reset
        /// without a seed began the episode; otherwise it goes on in mid-episode, and nothing is drawn before the first step.
        case state(String, isReset: Bool, draws: Int)
    }

    /// How far the record goes.
    package enum Ending: String, CaseIterable, Sendable {
        /// It is being played, or was when the server was killed.
        case running
        /// To the end: terminated, truncated or both.
        case ended
        /// A reset, a restore or the closing of the environment came before the end. Every step that was played is here.
        case left
        /// Recording stopped before the episode did: the sandbox failed, the disk was full, the server was killed or could not
        /// keep up. Steps that came later are not here.
        case cut

        /// Whether every step that was played is here.
        package var isComplete: Bool { self == .ended || self == .left }
    }

    package var id: ID
    /// How the environment was made.
    package var making: Making
    /// Its place among the environments of its sandbox.
    package var index: Int
    package var sandbox: String
    package var start: Start
    /// The digest of the first observation, or of the state where there is none.
    package var first: EpisodeDigest
    package var startTime: Timestamp
    /// Of the last step or of the reset; `nil` while it runs.
    package var endTime: Timestamp?
    package var ending: Ending
    package var steps: Int
    /// The sum of the rewards, added in order.
    package var total: Double
    package var terminated: Bool
    package var truncated: Bool

    /// What `make` was given, as far as it decides what happens in the episode.
    package struct Making: Hashable, Sendable {
        package var environment: String
        /// Of the server that made it.
        package var version: String
        /// A JSON object.
        package var kwargs: String
        /// `nil` for a single environment.
        package var count: Int?
        package var autoreset: VectorEnvironment.Autoreset

        package init(
            environment: String, version: String, kwargs: String, count: Int?,
            autoreset: VectorEnvironment.Autoreset
        ) {
            (self.environment, self.version, self.kwargs) = (environment, version, kwargs)
            (self.count, self.autoreset) = (count, autoreset)
        }
    }

    package init(
        id: ID, making: Making, index: Int, sandbox: String, start: Start, first: EpisodeDigest,
        startTime: Timestamp, endTime: Timestamp? = nil, ending: Ending = .running, steps: Int = 0, total: Double = 0,
        terminated: Bool = false, truncated: Bool = false
    ) {
        (self.id, self.making, self.index, self.sandbox) = (id, making, index, sandbox)
        (self.start, self.first, self.startTime, self.endTime) = (start, first, startTime, endTime)
        (self.ending, self.steps, self.total) = (ending, steps, total)
        (self.terminated, self.truncated) = (terminated, truncated)
    }

    /// The episode whose stream it continues, where that is in the file.
    package var previous: ID? { if case .after(let id, _) = start { id } else { nil } }

    /// The seed it began with.
    package var seed: Seed? { if case .seed(let seed) = start { seed } else { nil } }
}

/// One step of a recorded episode.
package struct RecordedStep: Equatable, Sendable {
    package var action: String
    package var reward: Double
    package var terminated: Bool
    package var truncated: Bool
    /// From the beginning of the episode to the answer, in microseconds.
    package var microseconds: Int64
    /// Actions sampled since the step before, or since the reset; they move the random stream.
    package var draws: Int
    /// Of the observation.
    package var observation: EpisodeDigest
    /// The running hash behind this step, see ``EpisodeChain``.
    package var hash: EpisodeDigest

    package init(
        action: String, reward: Double, terminated: Bool, truncated: Bool, microseconds: Int64, draws: Int,
        observation: EpisodeDigest, hash: EpisodeDigest
    ) {
        (self.action, self.reward, self.terminated, self.truncated) = (action, reward, terminated, truncated)
        (self.microseconds, self.draws, self.observation, self.hash) = (microseconds, draws, observation, hash)
    }

    /// Whether the episode ends here.
    package var isLast: Bool { terminated || truncated }
}
