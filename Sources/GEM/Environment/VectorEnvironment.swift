/// Several environments of one kind, each with its own episode and its own generator, driven by one call.
///
/// Each call checks everything that the caller can have got wrong before the first environment moves; a call that is refused
/// changes nothing. What is shown goes through one pair of buffers, environment by environment, to the caller's closure.
public struct VectorEnvironment: Sendable {
    private var drivers: [EpisodeDriver]
    /// What happens after the end of an episode.
    public let autoreset: Autoreset
    private var observation = Observation()
    private var lastObservation = Observation()

    /// What happens after the end of an episode, as in Gymnasium.
    public enum Autoreset: String, CaseIterable, Sendable {
        /// The ending step is answered as it is. The next step ignores the action, resets, and pays nothing.
        case nextStep = "next_step"
        /// The environment is reset at once: reward and flags belong to the episode that ended, the observation to the new
        /// one; the last observation is kept apart.
        case sameStep = "same_step"
        /// The caller resets; stepping beyond the end is an error.
        case disabled
    }

    /// What one environment has to show.
    public struct Turn {
        /// The reward and the flags; zero and false after a reset.
        public let result: StepResult
        /// Whether an episode ended in this step and the next has begun already, so that ``Autoreset/sameStep`` has a last
        /// observation to show.
        public let hasLastObservation: Bool
    }

    /// Receives each environment's turn in the order of the call.
    ///
    /// The second observation is the last one of the episode that ended, meaningful where ``Turn/hasLastObservation`` says so.
    public typealias Receiver = (_ turn: Turn, _ observation: borrowing Observation, _ last: borrowing Observation) ->
        Void

    /// Puts `environments`, at least one, side by side.
    public init(_ environments: [any Environment], autoreset: Autoreset) {
        precondition(!environments.isEmpty, "a vector holds at least one environment")
        drivers = environments.map { EpisodeDriver($0) }
        self.autoreset = autoreset
    }

    /// How many environments there are.
    public var count: Int { drivers.count }
    /// Where each environment stands, in order.
    public var episodes: some Collection<EpisodeDriver> { drivers }

    /// Begins an episode in each of the environments at `indices`.
    ///
    /// - Parameters:
    ///   - indices: Which environments, each at most once, from 0 to `count` − 1.
    ///   - seeds: One seed for each of `indices`; `nil` continues the environment's stream.
    ///   - receive: Gets what each environment shows first.
    /// - Throws: ``Failure`` of kind `envFailed` from the first environment that cannot begin; those before it have begun.
    public mutating func reset(_ indices: [Int], seeds: [Seed?], receive: Receiver) throws(Failure) {
        for (index, seed) in zip(indices, seeds) {
            try begin(index, seed: seed)
            receive(.afterReset, observation, lastObservation)
        }
    }

    /// Fails unless the environment at `index` can be stepped now.
    public func checkSteppable(_ index: Int) throws(Failure) {
        // Asked first because it copies nothing, and is nearly always so.
        if drivers[index].state == .running { return }
        if autoreset == .nextStep, drivers[index].state == .ended { return }
        do throws(Failure) {
            try drivers[index].checkRunning()
        } catch {
            throw named(index, error)
        }
    }

    /// Plays one turn in the environment at `index`.
    ///
    /// - Parameters:
    ///   - index: From 0 to `count` − 1; ``checkSteppable(_:)`` has let it pass.
    ///   - action: The agent's text, valid UTF-8.
    ///   - receive: Gets what the turn gave.
    /// - Throws: ``Failure`` of the environment, see ``EpisodeDriver/step(_:observation:)``.
    public mutating func step(_ index: Int, _ action: Action, receive: Receiver) throws(Failure) {
        if autoreset == .nextStep, drivers[index].state == .ended {
            try begin(index, seed: nil)
            return receive(.afterReset, observation, lastObservation)
        }
        let result: StepResult
        do throws(Failure) {
            result = try drivers[index].step(action, observation: &observation)
        } catch {
            throw named(index, error)
        }
        let restarts = autoreset == .sameStep && (result.terminated || result.truncated)
        if restarts {
            swap(&observation, &lastObservation)
            try begin(index, seed: nil)
        }
        receive(Turn(result: result, hasLastObservation: restarts), observation, lastObservation)
    }

    private mutating func begin(_ index: Int, seed: Seed?) throws(Failure) {
        do throws(Failure) {
            try drivers[index].reset(seed: seed, observation: &observation)
        } catch {
            throw named(index, error)
        }
    }

    /// Says in which of several environments `failure` happened.
    private func named(_ index: Int, _ failure: Failure) -> Failure {
        count == 1 ? failure : Failure(failure.kind, "Environment \(index): \(failure.message)")
    }

    /// Draws an action from each environment's own generator, in the order of `indices`.
    public mutating func sampleActions(_ indices: [Int], receive: (Span<UInt8>) -> Void) throws(Failure) {
        for index in indices {
            try drivers[index].sampleAction(into: &observation.message)
            receive(observation.message.bytes.span)
        }
    }

    /// Carries all environments and where each stands.
    ///
    /// - Throws: ``Failure`` of kind `invalidState` where what is read cannot be; nothing has changed then.
    public mutating func code(_ state: inout StateCoder) throws(Failure) {
        var carried = drivers
        for index in carried.indices { try carried[index].code(&state) }
        if state.isReading { drivers = carried }
    }

    /// Draws each environment's state for a person, in the order of `indices`.
    public mutating func render(
        _ indices: [Int], _ mode: RenderMode, receive: (Span<UInt8>) -> Void
    ) throws(Failure) {
        for index in indices {
            try drivers[index].render(mode, into: &observation.message)
            receive(observation.message.bytes.span)
        }
    }
}

extension VectorEnvironment.Turn {
    fileprivate static var afterReset: Self { Self(result: StepResult(reward: 0), hasLastObservation: false) }
}
