/// What `make` has made, and how it answers the calls that follow.
struct MadeEnvironment {
    let spec: EnvironmentSpec
    /// How many environments `num_envs` asked for; `nil` for a single one, whose answers are no lists.
    let count: Int?
    /// Whether `info` repeats the state block as `suffix`.
    let showsSuffix: Bool
    let arguments: Arguments
    var vector: VectorEnvironment

    private enum InfoStyle: String, CaseIterable {
        case brief, full
    }

    /// Makes what `params` ask for.
    ///
    /// - Throws: ``Failure`` for an unknown id, a bad argument, too many environments, or an environment that cannot be made.
    init(
        _ params: ServiceParams, registry: EnvironmentRegistry, limits: EnvironmentService.Limits,
        entropy: () -> UInt64
    ) throws(Failure) {
        guard let id = try params.string("env_id") else {
            throw Failure(.invalidParams, "make needs env_id, such as \"game:Sokoban-v0-easy\".")
        }
        spec = try registry.spec(id)
        count = try params.integer("num_envs", in: 1...limits.environments)
        let style: InfoStyle? = try params.word("info")
        showsSuffix = style == .full
        // A single environment ends as in Gymnasium, a vector goes on as Gymnasium's do.
        let autoreset: VectorEnvironment.Autoreset? = try params.word("autoreset")
        arguments = try spec.arguments(from: params["kwargs"] ?? .null)
        var environments: [any Environment] = []
        for _ in 0..<(count ?? 1) { environments.append(try spec.make(arguments, entropy())) }
        vector = VectorEnvironment(environments, autoreset: autoreset ?? (count == nil ? .disabled : .nextStep))
    }

    /// Begins an episode in all environments or in those at `indices`.
    mutating func reset(_ params: ServiceParams, _ answer: inout AnswerWriter) throws(Failure) {
        let indices = try params.indices(of: count)
        let seeds = try params.seeds(for: indices)
        answer.beginTurns()
        try vector.reset(indices, seeds: seeds) { answer.append($0, $1, $2) }
        answer.endTurns(ofStep: false)
    }

    /// Plays a turn in each environment for which `params` hold an action; `actions` lends its storage.
    mutating func step(
        _ params: Range<Int>, _ line: Span<UInt8>, _ actions: inout ActionList, _ answer: inout AnswerWriter
    ) throws(Failure) {
        try actions.read(params, of: line, count: count)
        for entry in actions.entries { try vector.checkSteppable(entry.index) }
        answer.beginTurns()
        for entry in actions.entries {
            if entry.isDecoded {
                let action = actions.decoded.span.extracting(entry.range)
                try vector.step(entry.index, action) { answer.append($0, $1, $2) }
            } else {
                try vector.step(entry.index, line.extracting(entry.range)) { answer.append($0, $1, $2) }
            }
        }
        answer.endTurns(ofStep: true)
    }

    /// Draws the state of all environments or of those at `indices`.
    mutating func render(_ params: ServiceParams, _ answer: inout AnswerWriter) throws(Failure) {
        let indices = try params.indices(of: count)
        let mode: RenderMode? = try params.word("mode")
        answer.beginTexts("text")
        try vector.render(indices, mode ?? .text) { answer.json.string($0) }
        answer.endTexts()
    }

    /// Draws an action for all environments or for those at `indices`.
    mutating func sampleAction(_ params: ServiceParams, _ answer: inout AnswerWriter) throws(Failure) {
        let indices = try params.indices(of: count)
        answer.beginTexts("action")
        try vector.sampleActions(indices) { answer.json.string($0) }
        answer.endTexts()
    }

    // MARK: Status

    /// Writes what is known before anything has been made.
    static func writeEmptyStatus(to json: inout JSONWriter) {
        json.beginObject()
        json.name("env_id")
        json.null()
        json.endObject()
    }

    /// Writes the counters of the episodes.
    func writeStatus(to json: inout JSONWriter) {
        json.beginObject()
        json.name("env_id")
        json.string(spec.id.description)
        json.name("num_envs")
        if let count { json.integer(count) } else { json.null() }
        json.name("autoreset")
        json.string(vector.autoreset.rawValue)
        column("state", &json) { $0.string($1.state.rawValue) }
        column("episodes", &json) { $0.integer($1.episodes) }
        column("steps", &json) { $0.integer($1.steps) }
        column("turn", &json) { $0.integer($1.turn) }
        column("cumulative_reward", &json) { $0.double($1.cumulativeReward) }
        json.endObject()
    }

    private func column(
        _ name: StaticString, _ json: inout JSONWriter, _ write: (inout JSONWriter, EpisodeDriver) -> Void
    ) {
        json.name(name)
        if count != nil { json.beginArray() }
        for driver in vector.episodes { write(&json, driver) }
        if count != nil { json.endArray() }
    }
}
