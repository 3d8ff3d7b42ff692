import GEM

/// A tiny environment for tests: it shows its stream, its turn and what it was told.
///
/// `end` ends the episode and pays 1, `nan` pays no number, and the turn `limit` cuts the episode off. Every other action pays
/// a tenth; `tell` also adds to `info`. Every episode takes one number from the stream, which a seed starts and which then counts upwards.
struct CountingEnvironment: Environment {
    private let limit: Int
    private let isBroken: Bool
    private var stream: UInt64
    private var turn = 0

    init(limit: Int, isBroken: Bool, entropy: UInt64) {
        self.limit = limit
        self.isBroken = isBroken
        stream = entropy
    }

    mutating func reset(seed: Seed?, observation: inout Observation) throws(Failure) {
        if isBroken { throw Failure(.envFailed, "The counter is broken.") }
        stream = seed.map(UInt64.init) ?? stream + 1
        turn = 0
        observation.message.append("begun")
        writeState(to: &observation)
    }

    mutating func step(_ action: Action, observation: inout Observation) -> StepResult {
        turn += 1
        action.withUnsafeBufferPointer { observation.message.append(utf8: $0) }
        writeState(to: &observation)
        let told = observation.message.string
        if told == "tell" {
            observation.info.add("turn", turn)
            observation.info.add("share", 0.5)
            observation.info.add("mood", "\"calm\"")
        }
        let reward = told == "end" ? 1 : told == "nan" ? .nan : 0.1
        return StepResult(reward: reward, terminated: told == "end", truncated: turn == limit)
    }

    mutating func sampleAction(into text: inout Text) {
        text.append("say ")
        text.append(turn)
    }

    func render(_ mode: RenderMode, into text: inout Text) {
        if mode == .ansi { text.append("\u{1B}[1m") }
        text.append(turn)
        text.append(ascii: 0x0A)
    }

    private func writeState(to observation: inout Observation) {
        observation.state.append(Int(stream))
        observation.state.append(ascii: 0x2F)
        observation.state.append(turn)
    }
}

extension EnvironmentSpec {
    /// `test:Counter-v0`, with a keyword of every type.
    static let counter = EnvironmentSpec(
        id: EnvironmentID(namespace: "test", name: "Counter", version: 0), summary: "Count.", actionGrammar: "any text",
        rewardRange: 0...1, maxTurns: 3,
        parameters: [
            Parameter("limit", .integer(1...100), default: .integer(3), isOptional: true, summary: "Turns."),
            Parameter("is_broken", .boolean, default: .boolean(false), summary: "Never begins."),
            Parameter("size", .integerPair(1...9), default: .integerPair(2, 3), summary: "Nothing."),
            Parameter("mood", .choice(["calm", "wild"]), default: .choice("calm"), summary: "Nothing either."),
        ]
    ) { (arguments, entropy) throws(Failure) in
        CountingEnvironment(
            limit: arguments.integer("limit") ?? 100, isBroken: arguments.boolean("is_broken") ?? false,
            entropy: entropy)
    }
}
