import GEM
import Registry

/// Follows the streams of one live environment call by call and writes down the episodes on them.
///
/// It must see every call that moves a stream, in the order in which the sandbox carried them out.
struct EpisodeTracker {
    private let making: RecordedEpisode.Making
    private let sandbox: String
    private var streams: [Stream]

    /// One environment's random stream.
    private struct Stream {
        /// Where the stream comes from, for the next episode that begins without a seed.
        enum Origin {
            case unknown
            case episode(RecordedEpisode.ID)
            case state(String)
        }

        var origin = Origin.unknown
        /// Actions sampled since the last step or reset.
        var draws = 0
        /// The environment waits for a reset, which in some vectors the next step is.
        var isOver = false
        /// A state in mid-episode was restored: the next step goes on with an episode of which there is no row.
        var isInMidEpisode = false
        var open: Open?
    }

    /// An episode that is being played.
    private struct Open {
        let id: RecordedEpisode.ID
        let startTime: Timestamp
        var chain: EpisodeChain
        var steps = 0
        var total = 0.0
    }

    init(making: RecordedEpisode.Making, sandbox: String) {
        (self.making, self.sandbox) = (making, sandbox)
        streams = Array(repeating: Stream(), count: making.count ?? 1)
    }

    /// The episodes that are being played.
    var running: [RecordedEpisode.ID] { streams.compactMap { $0.open?.id } }

    /// Takes one call.
    ///
    /// - Returns: Whether it was understood; if not, something was played that nobody can write down.
    /// - Throws: ``RegistryError`` where it cannot be written; the tracker must then ``forget()``.
    mutating func take(_ call: RecordedCall, _ store: EpisodeStore, _ counts: inout Counts) throws(RegistryError)
        -> Bool
    {
        switch call.kind {
        case .reset: return try reset(call, store, &counts)
        case .step: return try step(call, store, &counts)
        case .sampleAction: return sample(call)
        case .restore: return try restore(call, store)
        case .lost:
            try leave(streams.indices, as: .cut, store, at: call.time)
            forget()
        case .closed:
            try leave(streams.indices, as: .left, store, at: call.time)
            forget()
        }
        return true
    }

    /// What was written.
    struct Counts {
        var episodes = 0
        var steps = 0
    }

    /// Gives up everything that is known; what was being played is not followed any more.
    mutating func forget() { for index in streams.indices { streams[index] = Stream() } }

    /// Writes how far the running episodes have come.
    func note(_ store: EpisodeStore, at time: Timestamp) throws(RegistryError) {
        for stream in streams {
            guard let open = stream.open else { continue }
            try store.update(open.id, ending: .running, steps: open.steps, total: open.total, at: time)
        }
    }

    // MARK: - Calls

    private mutating func reset(
        _ call: RecordedCall, _ store: EpisodeStore, _ counts: inout Counts
    ) throws(RegistryError) -> Bool {
        guard let params = try? JSON(parsing: call.params.span),
            let indices = RecordedText.indices(params, count: making.count),
            let seeds = RecordedText.seeds(params, for: indices),
            let turns = RecordedText.turns(call.result.span, isVector: making.count != nil, isStep: false),
            turns.count == indices.count
        else { return false }
        for (place, index) in indices.enumerated() {
            try begin(index, seed: seeds[place], turns[place].observation, call, store, &counts)
        }
        return true
    }

    private mutating func step(
        _ call: RecordedCall, _ store: EpisodeStore, _ counts: inout Counts
    ) throws(RegistryError) -> Bool {
        guard let actions = RecordedText.actions(call.params.span, isVector: making.count != nil),
            let turns = RecordedText.turns(call.result.span, isVector: making.count != nil, isStep: true),
            turns.count == actions.count, actions.allSatisfy({ streams.indices.contains($0.index) })
        else { return false }
        for ((index, action), turn) in zip(actions, turns) {
            if streams[index].isOver, making.autoreset == .nextStep {
                try begin(index, seed: nil, turn.observation, call, store, &counts)
                continue
            }
            try add(action, turn, to: index, call, store, &counts)
            if making.autoreset == .sameStep, turn.terminated || turn.truncated {
                // Without the last observation of the old episode the answer is not what it has to be.
                guard turn.lastObservation != nil else { return false }
                try begin(index, seed: nil, turn.observation, call, store, &counts)
            }
        }
        return true
    }

    private mutating func sample(_ call: RecordedCall) -> Bool {
        guard let params = try? JSON(parsing: call.params.span),
            let indices = RecordedText.indices(params, count: making.count)
        else { return false }
        for index in indices { streams[index].draws += 1 }
        return true
    }

    private mutating func restore(_ call: RecordedCall, _ store: EpisodeStore) throws(RegistryError) -> Bool {
        guard let params = try? JSON(parsing: call.params.span), let state = params["state"]?.string,
            let counters = try? JSON(parsing: call.result.span), let words = counters["state"]
        else { return false }
        let places = (words.array ?? [words]).compactMap { $0.string.flatMap(EpisodeDriver.State.init(rawValue:)) }
        guard places.count == streams.count else { return false }
        try leave(streams.indices, as: .left, store, at: call.time)
        for (index, place) in places.enumerated() {
            streams[index] = Stream()
            streams[index].origin = .state(state)
            streams[index].isOver = place == .ended
            streams[index].isInMidEpisode = place == .running
        }
        return true
    }

    // MARK: - Episodes

    /// An episode has begun with `observation`.
    private mutating func begin(
        _ index: Int, seed: Seed?, _ observation: EpisodeDigest, _ call: RecordedCall, _ store: EpisodeStore,
        _ counts: inout Counts
    ) throws(RegistryError) {
        try leave(index..<index + 1, as: .left, store, at: call.time)
        let stream = streams[index]
        let start: RecordedEpisode.Start
        switch (seed, stream.origin) {
        case (let seed?, _): start = .seed(seed)
        case (nil, .episode(let id)): start = .after(id, draws: stream.draws)
        case (nil, .state(let state)): start = .state(state, isReset: true, draws: stream.draws)
        case (nil, .unknown):
            // It could never be played again.
            streams[index] = Stream()
            return
        }
        try open(index, start, observation, call, store, &counts)
    }

    private mutating func open(
        _ index: Int, _ start: RecordedEpisode.Start, _ first: EpisodeDigest, _ call: RecordedCall,
        _ store: EpisodeStore, _ counts: inout Counts
    ) throws(RegistryError) {
        let id = try store.newID()
        try store.insert(
            RecordedEpisode(
                id: id, making: making, index: index, sandbox: sandbox, start: start, first: first,
                startTime: call.time))
        counts.episodes += 1
        streams[index] = Stream()
        streams[index].origin = .episode(id)
        streams[index].open = Open(id: id, startTime: call.time, chain: EpisodeChain(first: first))
    }

    /// A step was played.
    private mutating func add(
        _ action: String, _ turn: RecordedTurn, to index: Int, _ call: RecordedCall, _ store: EpisodeStore,
        _ counts: inout Counts
    ) throws(RegistryError) {
        if streams[index].isInMidEpisode, case .state(let state) = streams[index].origin {
            let draws = streams[index].draws
            try open(
                index, .state(state, isReset: false, draws: 0), EpisodeDigest(of: state), call, store, &counts)
            streams[index].draws = draws
        }
        let draws = streams[index].draws
        streams[index].draws = 0
        streams[index].isOver = turn.terminated || turn.truncated
        guard var open = streams[index].open else { return }
        let observation = making.autoreset == .sameStep ? turn.lastObservation ?? turn.observation : turn.observation
        open.chain.add(
            observation: observation, reward: turn.reward, terminated: turn.terminated, truncated: turn.truncated)
        open.steps += 1
        open.total += turn.reward
        counts.steps += 1
        try store.insert(
            RecordedStep(
                action: action, reward: turn.reward, terminated: turn.terminated, truncated: turn.truncated,
                microseconds: max(0, call.time.microseconds - open.startTime.microseconds), draws: draws,
                observation: observation, hash: open.chain.value), number: open.steps, of: open.id)
        streams[index].open = open
        guard streams[index].isOver else { return }
        try store.update(
            open.id, ending: .ended, steps: open.steps, total: open.total, terminated: turn.terminated,
            truncated: turn.truncated, at: call.time)
        streams[index].open = nil
    }

    /// Ends the running episodes of these environments before their ends.
    private mutating func leave(
        _ indices: some Sequence<Int>, as ending: RecordedEpisode.Ending, _ store: EpisodeStore, at time: Timestamp
    ) throws(RegistryError) {
        for index in indices {
            guard let open = streams[index].open else { continue }
            try store.update(open.id, ending: ending, steps: open.steps, total: open.total, at: time)
            streams[index].open = nil
        }
    }
}
