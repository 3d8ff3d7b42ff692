import Episodes
import GEM
import Registry
import Synchronization

/// Where the episodes come from that are played again: a file of episodes, or lines of JSON.
final class EpisodeLibrary: Sendable {
    private enum Source {
        case store(EpisodeStore)
        /// With the heads of all lines, and where each line begins.
        case lines(EpisodeFile, [RecordedEpisode.ID: (episode: RecordedEpisode, offset: Int)])
    }

    private let source: Mutex<Source>
    /// The episodes that are to be played, oldest first.
    let wanted: [RecordedEpisode]

    /// One episode of the file at `path`.
    ///
    /// - Throws: ``CommandError`` where there is none.
    init(store path: String, episode: Int) throws {
        do {
            let store = try EpisodeStore(path: path, access: .readOnly)
            wanted = [try EpisodeArgument.episode(episode, in: store)]
            source = Mutex(.store(store))
        } catch let error as RegistryError {
            throw CommandError(.failure, error.message)
        }
    }

    /// All episodes of a file of lines.
    ///
    /// - Throws: ``CommandError`` for a line that is no episode.
    init(lines path: String) throws {
        let file = try EpisodeFile(path)
        var (heads, wanted) = ([RecordedEpisode.ID: (episode: RecordedEpisode, offset: Int)](), [RecordedEpisode]())
        while let line = try file.next() {
            do throws(EpisodeLine.Fault) {
                let (episode, _) = try EpisodeLine.read(line.bytes.span)
                guard heads.updateValue((episode, line.offset), forKey: episode.id) == nil else {
                    throw EpisodeLine.Fault(repeating: episode.id)
                }
                wanted.append(episode)
            } catch {
                throw CommandError(.failure, "\(path):\(line.number): \(error)")
            }
        }
        self.wanted = wanted
        source = Mutex(.lines(file, heads))
    }

    /// The episode called `id`; `nil` where there is none.
    func episode(_ id: RecordedEpisode.ID) throws -> RecordedEpisode? {
        try source.withLock { source in
            switch source {
            case .store(let store): try store.episode(id)
            case .lines(_, let heads): heads[id]?.episode
            }
        }
    }

    /// The steps of the episode called `id`, which is there.
    func steps(of id: RecordedEpisode.ID) throws -> [RecordedStep] {
        try source.withLock { source in
            switch source {
            case .store(let store): return try store.steps(of: id)
            case .lines(let file, let heads):
                guard let offset = heads[id]?.offset else { return [] }
                let line = try file.line(at: offset)
                // It was read before, so that only a file that has changed gets here.
                return try EpisodeLine.read(line.span).1
            }
        }
    }

    /// The wanted episodes put together to runs that one sandbox can play from beginning to end.
    func runs() throws -> [EpisodeStretch] {
        var following: [RecordedEpisode.ID: RecordedEpisode] = [:]
        let ids = Set(wanted.map(\.id))
        for episode in wanted {
            guard let previous = episode.previous, ids.contains(previous), following[previous] == nil else { continue }
            following[previous] = episode
        }
        return try wanted.compactMap { first in
            if let previous = first.previous, following[previous]?.id == first.id { return nil }
            var run = EpisodeStretch(wanted: [first])
            // What it goes on from is played first, unseen.
            var earliest = first
            while case .after(let previous, _) = earliest.start {
                guard let previous, previous < earliest.id, let episode = try self.episode(previous) else {
                    run.missing = "episode \(earliest.id) goes on from an episode that is not here"
                    break
                }
                guard episode.ending.isComplete else {
                    run.missing = "episode \(earliest.id) goes on from episode \(episode.id), whose end is not recorded"
                    break
                }
                run.before.insert(episode, at: 0)
                earliest = episode
            }
            while let next = run.wanted.last.flatMap({ following[$0.id] }) { run.wanted.append(next) }
            return run
        }
    }
}

/// Episodes that follow one another on one random stream.
struct EpisodeStretch: Sendable {
    /// Played first because the others go on from them.
    var before: [RecordedEpisode] = []
    var wanted: [RecordedEpisode]
    /// Why they cannot be played, where they cannot.
    var missing: String?
}
