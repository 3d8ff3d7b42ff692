import GEM

/// Calls that can be made again: a seed and actions.
struct CheckScript: Sendable {
    /// `nil` where the stream goes on.
    var seed: Seed?
    var actions: [String] = []

    /// The first `count` actions.
    func prefix(_ count: Int) -> CheckScript { CheckScript(seed: seed, actions: Array(actions.prefix(count))) }

    /// The calls for a person; long texts and long lists are cut.
    var text: String {
        var words = ["reset \(seed.map { "seed \($0)" } ?? "without a seed")"]
        words += actions.prefix(12).map { "step \(Self.shown($0))" }
        if actions.count > 12 { words.append("… (\(actions.count) actions in all; --json has them)") }
        return words.joined(separator: ", ")
    }

    /// An action in quotes, as JSON writes it, cut where it is long.
    static func shown(_ action: String) -> String {
        let json = String(decoding: JSON.string(action).serialized, as: UTF8.self)
        guard json.unicodeScalars.count > 72 else { return json }
        return String(String.UnicodeScalarView(json.unicodeScalars.prefix(60))) + "…\" (\(action.utf8.count) bytes)"
    }
}

/// What a call answered: its result, or why there is none.
typealias CheckAnswer = Result<JSON, Failure>

/// An episode as a client saw it.
struct CheckEpisode: Sendable {
    let script: CheckScript
    /// What the reset showed.
    let start: CheckAnswer
    /// One answer for each action that was played, the last of them the end where there was one.
    let turns: [CheckAnswer]

    /// The episode as far as it went.
    var played: CheckScript { script.prefix(turns.count) }
    /// Whether the last turn ended it.
    var hasEnded: Bool { turns.last?.endsEpisode ?? false }
    var total: Double { turns.reduce(0) { $0 + ($1.reward ?? 0) } }

    /// Fails at the first answer of `other` that is not this one's.
    ///
    /// - Parameters:
    ///   - other: The same calls, made in another way.
    ///   - what: What should have made no difference, to follow "differs ".
    /// - Throws: ``CheckFault`` that shows the calls up to there.
    func expectSame(_ other: CheckEpisode, _ what: String) throws {
        if let difference = start.difference(from: other.start) {
            throw CheckFault("The reset differs \(what): \(difference).", script.prefix(0))
        }
        for (number, (one, another)) in zip(turns, other.turns).enumerated() {
            if let difference = one.difference(from: another) {
                throw CheckFault("Turn \(number + 1) differs \(what): \(difference).", script.prefix(number + 1))
            }
        }
        guard turns.count == other.turns.count else {
            throw CheckFault(
                "The episode differs \(what): it ends after turn \(turns.count) and after turn \(other.turns.count).",
                script.prefix(max(turns.count, other.turns.count)))
        }
    }
}

extension CheckAnswer {
    var json: JSON? { try? get() }
    var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
    var reward: Double? { json?["reward"]?.double }
    var endsEpisode: Bool { json?["terminated"]?.bool == true || json?["truncated"]?.bool == true }
    var observation: String? { json?["observation"]?.string }

    /// The first thing in which two answers differ, in words; `nil` where they agree. What failures say may name a sandbox, so
    /// only their kinds count.
    func difference(from other: CheckAnswer) -> String? {
        switch (self, other) {
        case (.success(let one), .success(let another)):
            for name in ["observation", "reward", "terminated", "truncated", "info"] where one[name] != another[name] {
                if let one = one[name]?.string, let another = another[name]?.string {
                    return Self.difference(one, another)
                }
                return "\(name) is \(Self.shown(one[name])) and \(Self.shown(another[name]))"
            }
            return nil
        case (.failure(let one), .failure(let another)):
            return one.kind == another.kind ? nil : "\(one.kind.rawValue) and \(another.kind.rawValue)"
        case (.success, .failure(let failure)), (.failure(let failure), .success):
            return "one is answered, the other is \(failure.kind.rawValue) (\(printable(failure.message, limit: 120)))"
        }
    }

    private static func difference(_ one: String, _ another: String) -> String {
        let (lines, others) = (
            one.split(separator: "\n", omittingEmptySubsequences: false),
            another.split(separator: "\n", omittingEmptySubsequences: false)
        )
        for (number, (line, other)) in zip(lines, others).enumerated() where line != other {
            return "line \(number + 1) of the observation is "
                + "\(CheckScript.shown(String(line))) and \(CheckScript.shown(String(other)))"
        }
        return "the observation has \(lines.count) lines and \(others.count)"
    }

    private static func shown(_ value: JSON?) -> String {
        printable(value.map { String(decoding: $0.serialized, as: UTF8.self) } ?? "missing", limit: 120)
    }

    /// Fails unless this is what a reset should answer.
    func expectStart(_ script: CheckScript) throws {
        switch self {
        case .failure(let failure):
            throw CheckFault("reset is refused: \(failure.shown).", script.prefix(0))
        case .success(let json):
            guard json["observation"]?.string != nil, json["info"]?.object != nil else {
                throw CheckFault("reset answers no observation or no info: \(Self.shown(json)).", script.prefix(0))
            }
        }
    }

    /// Fails unless this is what a step should answer: text, a finite number, two truth values and an object.
    func expectTurn(_ script: CheckScript) throws {
        switch self {
        case .failure(let failure):
            throw CheckFault("step \(script.actions.count) is refused: \(failure.shown).", script)
        case .success(let json):
            guard json["observation"]?.string != nil, let reward = json["reward"]?.double, reward.isFinite,
                json["terminated"]?.bool != nil, json["truncated"]?.bool != nil, json["info"]?.object != nil
            else {
                throw CheckFault(
                    "step \(script.actions.count) does not answer observation, reward, terminated, truncated and info: "
                        + "\(Self.shown(json)).", script)
            }
        }
    }
}

extension Failure {
    /// Kind and message on a line.
    var shown: String {
        let text = printable(message, limit: 200)
        return "\(kind.rawValue) (\(text.hasSuffix(".") ? String(text.dropLast()) : text))"
    }
}
