import GEM

/// Where each environment of one program stands, and what a client may ask of it: the order of the calls, so that a program
/// has to keep none.
///
/// A value without effects: it says what to ask the program, takes what the program answered, and writes what the client
/// gets, in the same form as the built-in environments.
struct ProgramEpisodes: Sendable {
    typealias Autoreset = VectorEnvironment.Autoreset
    typealias State = EpisodeDriver.State

    let id: EnvironmentID
    let maxTurns: Int?
    /// How many environments `num_envs` asked for; `nil` for a single one, whose answers are no lists.
    let count: Int?
    let autoreset: Autoreset
    let kwargs: JSON
    var instances: [Instance]

    /// One environment.
    struct Instance: Sendable {
        var state = State.notReset
        /// Why an episode could not go on.
        var failure: Failure?
        var episodes = 0
        var steps = 0
        var turn = 0
        var cumulativeReward = 0.0
        /// The last observation, a JSON string.
        var observation: [UInt8] = []
    }

    init(_ manifest: EnvironmentManifest, kwargs: JSON, count: Int?, autoreset: Autoreset?) {
        id = manifest.id
        maxTurns = manifest.maxTurns
        (self.kwargs, self.count) = (kwargs, count)
        self.autoreset = autoreset ?? (count == nil ? .disabled : .nextStep)
        instances = Array(repeating: Instance(), count: count ?? 1)
    }

    // MARK: Asking

    /// What a reset of all environments, or of those that `params` name, asks.
    func resets(_ params: ServiceParams) throws(Failure) -> [ProgramOrder] {
        let indices = try params.indices(of: count)
        let seeds = try params.seeds(for: indices)
        return zip(indices, seeds).map { .reset(index: $0, seed: $1) }
    }

    /// What a step asks: a turn of each environment that has an action, or a reset where its episode is over and the next
    /// begins by itself.
    func steps(_ params: [UInt8]) throws(Failure) -> [ProgramOrder] {
        var list = ActionList(byteLimit: 1 << 20)
        try list.read(0..<params.count, of: params.span, count: count)
        var orders: [ProgramOrder] = []
        orders.reserveCapacity(list.entries.count)
        for entry in list.entries {
            if try needsReset(entry.index) {
                orders.append(.reset(index: entry.index, seed: nil))
                continue
            }
            var action = JSONWriter()
            if entry.isDecoded {
                action.string(list.decoded.span.extracting(entry.range))
            } else {
                // Without escapes, so that it needs none.
                action.raw(params.span.extracting((entry.range.lowerBound - 1)..<(entry.range.upperBound + 1)))
            }
            orders.append(.step(index: entry.index, action: action.bytes))
        }
        return orders
    }

    /// Whether the step of the environment at `index` begins an episode instead.
    ///
    /// - Throws: ``Failure`` where it can do neither.
    private func needsReset(_ index: Int) throws(Failure) -> Bool {
        let instance = instances[index]
        switch instance.state {
        case .running: return false
        case .ended where autoreset == .nextStep: return true
        case .ended:
            throw named(
                index, Failure(.episodeEnded, "The episode has ended; call reset to begin the next one."))
        case .notReset:
            throw named(
                index,
                instance.failure
                    ?? Failure(.notReset, "No episode has begun yet; call reset before the first step."))
        }
    }

    /// What asking for actions, of all environments or of those that `params` name, asks.
    func samples(_ params: ServiceParams) throws(Failure) -> [ProgramOrder] {
        let indices = try params.indices(of: count)
        for index in indices where instances[index].state == .notReset { _ = try needsReset(index) }
        return indices.map { .sampleAction(index: $0) }
    }

    // MARK: Taking answers

    /// Takes in that the program has refused what was asked for the environment at `index`.
    ///
    /// A refusal of the action or the seed leaves everything as it was; any other breaks the episode off.
    mutating func take(_ refusal: Failure, at index: Int) -> Failure {
        switch refusal.kind {
        case .invalidAction, .invalidArgument, .invalidSeed, .invalidState, .methodNotFound: break
        default:
            instances[index].state = .notReset
            instances[index].failure = refusal
        }
        return named(index, refusal)
    }

    /// Takes what the environment at `index` shows first.
    mutating func begin(_ turn: ProgramTurn, at index: Int) {
        instances[index].state = .running
        instances[index].failure = nil
        instances[index].episodes += 1
        instances[index].turn = 0
        instances[index].cumulativeReward = 0
        instances[index].observation = Array(turn.observation)
    }

    /// Takes a turn of the environment at `index`, and cuts the episode off where it was the last.
    mutating func play(_ turn: inout ProgramTurn, at index: Int) {
        instances[index].steps += 1
        instances[index].turn += 1
        instances[index].cumulativeReward += turn.reward
        instances[index].observation = Array(turn.observation)
        if let maxTurns, instances[index].turn >= maxTurns, !turn.terminated { turn.truncated = true }
        if turn.terminated || turn.truncated { instances[index].state = .ended }
    }

    /// The steps among `orders` whose episode is over where the next begins at once: their places, and the resets.
    func restarts(_ orders: [ProgramOrder]) -> (places: [Int], resets: [ProgramOrder]) {
        guard autoreset == .sameStep else { return ([], []) }
        let places = orders.indices.filter { orders[$0].isStep && instances[orders[$0].index].state == .ended }
        return (places, places.map { .reset(index: orders[$0].index, seed: nil) })
    }

    /// Takes in that the program could not be brought where all were to stand.
    mutating func breakOff(_ refusal: Failure) -> Failure {
        for index in instances.indices {
            instances[index].state = .notReset
            instances[index].failure = refusal
        }
        return refusal
    }

    private func named(_ index: Int, _ failure: Failure) -> Failure {
        count ?? 1 == 1 ? failure : Failure(failure.kind, "Environment \(index): \(failure.message)")
    }

    // MARK: Writing

    /// What a client gets for one environment.
    struct Shown: Sendable {
        var turn: ProgramTurn
        /// The last turn of the episode that ended, where the next has begun in the same step.
        var last: ProgramTurn?
    }

    /// The result of a step or a reset.
    func result(_ shown: [Shown], ofStep isStep: Bool) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        column("observation", shown, &json) { $0.raw($1.turn.observation.span) }
        if isStep {
            column("reward", shown, &json) { $0.double(($1.last ?? $1.turn).reward) }
            column("terminated", shown, &json) { $0.bool(($1.last ?? $1.turn).terminated) }
            column("truncated", shown, &json) { $0.bool(($1.last ?? $1.turn).truncated) }
        }
        column("info", shown, &json) { json, shown in
            json.beginObject()
            if !shown.turn.info.isEmpty { json.raw(shown.turn.info.span) }
            if let last = shown.last {
                json.name("final_observation")
                json.raw(last.observation.span)
                json.name("final_info")
                json.beginObject()
                if !last.info.isEmpty { json.raw(last.info.span) }
                json.endObject()
            }
            json.endObject()
        }
        json.endObject()
        return json.bytes
    }

    /// The result of what answers a text for each environment.
    func result(_ name: StaticString, _ texts: [[UInt8]]) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        column(name, texts, &json) { $0.raw($1.span) }
        json.endObject()
        return json.bytes
    }

    /// The last observations, of all environments or of those that `params` name.
    func rendered(_ params: ServiceParams) throws(Failure) -> [UInt8] {
        let indices = try params.indices(of: count)
        for index in indices where instances[index].state == .notReset { _ = try needsReset(index) }
        return result("text", indices.map { instances[$0].observation })
    }

    /// The counters of the episodes.
    var status: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.name("env_id")
        json.string(id.description)
        json.name("num_envs")
        if let count { json.integer(count) } else { json.null() }
        json.name("autoreset")
        json.string(autoreset.rawValue)
        column("state", instances, &json) { $0.string($1.state.rawValue) }
        column("episodes", instances, &json) { $0.integer($1.episodes) }
        column("steps", instances, &json) { $0.integer($1.steps) }
        column("turn", instances, &json) { $0.integer($1.turn) }
        column("cumulative_reward", instances, &json) { $0.double($1.cumulativeReward) }
        json.endObject()
        return json.bytes
    }

    private func column<Element>(
        _ name: StaticString, _ elements: [Element], _ json: inout JSONWriter,
        _ write: (inout JSONWriter, Element) -> Void
    ) {
        json.name(name)
        if count != nil { json.beginArray() }
        for element in elements { write(&json, element) }
        if count != nil { json.endArray() }
    }
}
