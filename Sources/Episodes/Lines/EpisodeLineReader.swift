import GEM
import Registry

/// Takes an object apart, member by member; what nobody asked for is a fault.
struct EpisodeLineReader {
    private typealias Fault = EpisodeLine.Fault

    private let place: String
    private var members: JSON.Object

    /// - Throws: ``EpisodeLine/Fault`` unless `json` is an object.
    init(_ json: JSON, _ place: String) throws(EpisodeLine.Fault) {
        guard let members = json.object else { throw EpisodeLine.Fault("is damaged: \(place) is no object") }
        (self.members, self.place) = (members, place)
    }

    /// Ends the reading.
    ///
    /// - Throws: ``EpisodeLine/Fault`` where there is a member that was not asked for.
    func end() throws(EpisodeLine.Fault) {
        guard let member = members.members.first else { return }
        throw EpisodeLine.Fault("is damaged: \(place) has a member \"\(member.name.prefix(64))\", which means nothing")
    }

    mutating func text(_ name: String, most: Int = 1 << 20) throws(EpisodeLine.Fault) -> String {
        guard let text = try take(name).string, text.utf8.count <= most else { throw wrong(name, "a text") }
        return text
    }

    mutating func list(_ name: String) throws(EpisodeLine.Fault) -> [JSON] {
        guard let list = try take(name).array else { throw wrong(name, "a list") }
        return list
    }

    /// The episode, with all that the line says about its steps.
    mutating func episode() throws(EpisodeLine.Fault) -> RecordedEpisode {
        let id = Int64(try integer("id", in: 1...Int.max))
        let environment = try text("env_id", most: 128)
        let version = try text("version", most: 64)
        guard let kwargs = try take("kwargs").object else { throw wrong("kwargs", "an object") }
        // As many as a server makes in a sandbox at most.
        let count = try optional("num_envs") { (reader, name) throws(EpisodeLine.Fault) in
            try reader.integer(name, in: 1...65_536)
        }
        let autoreset = try word("autoreset", VectorEnvironment.Autoreset.self)
        let index = try integer("index", in: 0...(count ?? 1) - 1)
        let sandbox = try text("sandbox_id", most: 63)
        var start = try EpisodeLineReader(try take("start"), "start")
        let from = try start.start()
        try start.end()
        let first = try digest("first")
        // Times before 1970 and beyond the year 9999 are none.
        let times = 0...253_402_300_799_999_999
        let startTime = try integer("start_time", in: times)
        let endTime = try optional("end_time") { (reader, name) throws(EpisodeLine.Fault) in
            try reader.integer(name, in: startTime...times.upperBound)
        }
        var ending = try word("ending", RecordedEpisode.Ending.self)
        // Wherever this is read, nobody plays on.
        if ending == .running { ending = .cut }
        if case .after(let previous?, _) = from, previous >= id { throw wrong("start", "an earlier episode") }
        return RecordedEpisode(
            id: id,
            making: .init(
                environment: environment, version: version,
                kwargs: String(decoding: JSON.object(kwargs).serialized, as: UTF8.self), count: count,
                autoreset: autoreset),
            index: index, sandbox: sandbox, start: from, first: first,
            startTime: Timestamp(microseconds: Int64(startTime)),
            endTime: endTime.map { Timestamp(microseconds: Int64($0)) }, ending: ending,
            steps: try integer("length", in: 0...Int.max), total: try number("return"),
            terminated: try bool("terminated"), truncated: try bool("truncated"))
    }

    private mutating func start() throws(EpisodeLine.Fault) -> RecordedEpisode.Start {
        if members["seed"] != nil { return .seed(Seed(try integer("seed", in: 0...Int(Seed.max)))) }
        if members["state"] != nil {
            let (state, isReset) = (try text("state", most: 64 << 20), try bool("reset"))
            // In mid-episode draws belong to the step.
            return .state(state, isReset: isReset, draws: try integer("draws", in: 0...(isReset ? 1_000_000_000 : 0)))
        }
        let previous = try optional("after") { (reader, name) throws(EpisodeLine.Fault) in
            Int64(try reader.integer(name, in: 1...Int.max))
        }
        return .after(previous, draws: try integer("draws", in: 0...1_000_000_000))
    }

    mutating func step() throws(EpisodeLine.Fault) -> RecordedStep {
        RecordedStep(
            action: try text("action", most: 16 << 20), reward: try number("reward"),
            terminated: try bool("terminated"), truncated: try bool("truncated"),
            microseconds: Int64(try integer("microseconds", in: 0...1_000_000_000_000_000)),
            draws: try integer("draws", in: 0...1_000_000_000), observation: try digest("observation"),
            hash: try digest("hash"))
    }

    // MARK: Values

    private mutating func take(_ name: String) throws(EpisodeLine.Fault) -> JSON {
        guard let value = members[name] else { throw Fault("is damaged: \(place) has no \(name)") }
        members[name] = nil
        return value
    }

    private func wrong(_ name: String, _ wanted: String) -> EpisodeLine.Fault {
        Fault("is damaged: in \(place) \(name) is not \(wanted)")
    }

    private mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(EpisodeLine.Fault) -> Int {
        guard let value = try take(name).int, range.contains(value) else {
            throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private mutating func number(_ name: String) throws(EpisodeLine.Fault) -> Double {
        guard let value = try take(name).double, value.isFinite else { throw wrong(name, "a finite number") }
        return value
    }

    private mutating func bool(_ name: String) throws(EpisodeLine.Fault) -> Bool {
        guard let value = try take(name).bool else { throw wrong(name, "true or false") }
        return value
    }

    private mutating func digest(_ name: String) throws(EpisodeLine.Fault) -> EpisodeDigest {
        guard let digest = EpisodeDigest(hex: try text(name, most: 64)) else {
            throw wrong(name, "a digest of 64 lower-case hexadecimal digits")
        }
        return digest
    }

    private mutating func word<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ type: Word.Type
    ) throws(EpisodeLine.Fault) -> Word {
        guard let word = Word(rawValue: try text(name, most: 64)) else {
            throw wrong(name, "one of " + Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return word
    }

    /// What `read` makes of the member; `nil` where it is null.
    private mutating func optional<Value>(
        _ name: String, _ read: (inout EpisodeLineReader, String) throws(EpisodeLine.Fault) -> Value
    ) throws(EpisodeLine.Fault) -> Value? {
        if members[name]?.isNull == true {
            members[name] = nil
            return nil
        }
        return try read(&self, name)
    }
}
