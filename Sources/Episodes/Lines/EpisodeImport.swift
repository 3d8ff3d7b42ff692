package import Registry

/// Adds episodes from elsewhere to a file, each under a new id.
///
/// Lines must come in the order in which they were written, so that an episode comes behind the one whose stream it continues.
/// What is in the file already, by sandbox, index and start, is passed over.
package struct EpisodeImport {
    private let store: EpisodeStore
    /// What the episodes of the lines so far are called here.
    private var names: [RecordedEpisode.ID: RecordedEpisode.ID] = [:]

    /// Episodes that were added.
    package private(set) var added = 0
    /// Episodes that were there already.
    package private(set) var known = 0

    package init(into store: EpisodeStore) { self.store = store }

    /// Adds an episode, inside a transaction.
    ///
    /// - Throws: ``RegistryError``.
    package mutating func add(_ episode: RecordedEpisode, _ steps: [RecordedStep]) throws(RegistryError) {
        if let here = try store.episode(
            sandbox: episode.sandbox, index: episode.index, startTime: episode.startTime)
        {
            names[episode.id] = here
            known += 1
            return
        }
        var new = episode
        new.id = try store.newID()
        if case .after(let previous, let draws) = episode.start {
            new.start = .after(previous.flatMap { names[$0] }, draws: draws)
        }
        try store.insert(new)
        for (place, step) in steps.enumerated() { try store.insert(step, number: place + 1, of: new.id) }
        names[episode.id] = new.id
        added += 1
    }
}
