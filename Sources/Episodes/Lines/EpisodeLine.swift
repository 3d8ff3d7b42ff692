package import GEM
import Registry

/// An episode as a line of JSON.
///
/// Docs/Trajectories.md says what is in it. Everything that can be checked without playing is: types and ranges, that sums and
/// endings fit the steps, and the running hash from the first step to the last.
package enum EpisodeLine {
    /// What the member `format` says.
    static let format = "rock-episode-1"
    /// The longest line that is read, in bytes.
    package static let byteLimit = 256 << 20

    /// Writes an episode as one line, without a line feed.
    package static func write(_ episode: RecordedEpisode, _ steps: [RecordedStep]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("format")
        writer.string(format)
        writer.members(of: episode)
        writer.name("steps")
        writer.beginArray()
        for step in steps { writer.step(step) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// Reads a line: types and ranges only. What it says may still contradict itself, see ``check(_:_:)``.
    ///
    /// - Parameter line: One JSON object, without a line feed.
    /// - Returns: The episode, with the id it had where it was written, and its steps.
    /// - Throws: ``Fault`` at the first thing that is wrong.
    package static func read(_ line: Span<UInt8>) throws(Fault) -> (RecordedEpisode, [RecordedStep]) {
        let json: JSON
        do { json = try JSON(parsing: line, byteLimit: byteLimit) } catch {
            throw Fault("is not JSON: \(error)")
        }
        var reader = try EpisodeLineReader(json, "the line")
        guard try reader.text("format") == format else { throw Fault("is not of the format \(format)") }
        let episode = try reader.episode()
        let items = try reader.list("steps")
        try reader.end()
        var steps: [RecordedStep] = []
        steps.reserveCapacity(items.count)
        for (place, item) in items.enumerated() {
            var reader = try EpisodeLineReader(item, "step \(place + 1)")
            steps.append(try reader.step())
            try reader.end()
        }
        return (episode, steps)
    }

    /// Checks that an episode fits its steps, and each step those before it.
    ///
    /// - Throws: ``Fault`` at the first thing that does not.
    package static func check(_ episode: RecordedEpisode, _ steps: [RecordedStep]) throws(Fault) {
        var chain = EpisodeChain(first: episode.first)
        var total = 0.0
        for (place, step) in steps.enumerated() {
            let number = place + 1
            chain.add(
                observation: step.observation, reward: step.reward, terminated: step.terminated,
                truncated: step.truncated)
            guard chain.value == step.hash else {
                throw Fault("is damaged: the hash of step \(number) does not follow from the steps up to it")
            }
            guard !step.isLast || number == steps.count else {
                throw Fault("is damaged: the episode is over in step \(number), and steps follow")
            }
            guard place == 0 || steps[place - 1].microseconds <= step.microseconds else {
                throw Fault("is damaged: step \(number) is older than the one before")
            }
            total += step.reward
        }
        let last = steps.last
        guard episode.steps == steps.count, episode.total == total, episode.terminated == last?.terminated ?? false,
            episode.truncated == last?.truncated ?? false, (episode.ending == .ended) == (last?.isLast ?? false)
        else { throw Fault("is damaged: its length, return, flags or ending are not those of its steps") }
    }

    /// What is wrong with a line: the end of a sentence that begins with the line's place.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let description: String

        init(_ description: String) { self.description = description }

        /// Two lines are about the episode called `id`.
        package init(repeating id: RecordedEpisode.ID) { description = "repeats episode \(id)" }
    }
}

extension JSONWriter {
    /// Writes what is known of an episode into the open object.
    package mutating func members(of episode: RecordedEpisode) {
        name("id")
        integer(episode.id)
        name("env_id")
        string(episode.making.environment)
        name("version")
        string(episode.making.version)
        name("kwargs")
        let kwargs = Array(episode.making.kwargs.utf8)
        raw(kwargs.span)
        name("num_envs")
        if let count = episode.making.count { integer(count) } else { null() }
        name("autoreset")
        string(episode.making.autoreset.rawValue)
        name("index")
        integer(episode.index)
        name("sandbox_id")
        string(episode.sandbox)
        name("start")
        start(episode.start)
        name("first")
        string(episode.first.description)
        // Microseconds fit into a double for the next two centuries.
        name("start_time")
        integer(episode.startTime.microseconds)
        name("end_time")
        if let time = episode.endTime { integer(time.microseconds) } else { null() }
        name("ending")
        string(episode.ending.rawValue)
        name("length")
        integer(episode.steps)
        name("return")
        double(episode.total)
        name("terminated")
        bool(episode.terminated)
        name("truncated")
        bool(episode.truncated)
    }

    private mutating func start(_ start: RecordedEpisode.Start) {
        beginObject()
        switch start {
        case .seed(let seed):
            name("seed")
            integer(Int(seed))
        case .after(let id, let draws):
            name("after")
            if let id { integer(id) } else { null() }
            name("draws")
            integer(draws)
        case .state(let state, let isReset, let draws):
            name("state")
            string(state)
            name("reset")
            bool(isReset)
            name("draws")
            integer(draws)
        }
        endObject()
    }

    fileprivate mutating func step(_ step: RecordedStep) {
        beginObject()
        name("action")
        string(step.action)
        name("reward")
        double(step.reward)
        name("terminated")
        bool(step.terminated)
        name("truncated")
        bool(step.truncated)
        name("microseconds")
        integer(step.microseconds)
        name("draws")
        integer(step.draws)
        name("observation")
        string(step.observation.description)
        name("hash")
        string(step.hash.description)
        endObject()
    }
}
