import GEM
package import Registry

/// The file that holds recorded episodes, opened by one thread at a time.
///
/// Others may read it, remove episodes and import some while a server records: SQLite sees to that.
package final class EpisodeStore {
    let database: Database

    /// Opens the file at `path`; an empty or a missing one becomes a file of episodes where it may be written.
    ///
    /// - Throws: ``RegistryError`` that names the path.
    package init(path: String, access: Database.Access) throws(RegistryError) {
        database = try Database(path: path, access: access)
        try prepare(writing: access == .readWrite)
        guard access == .readWrite else { return }
        _ = try database.texts("PRAGMA journal_mode = WAL")
        // Without a flush at each commit: a power cut may lose the last episodes, never the file.
        try database.execute("PRAGMA synchronous = NORMAL")
        try database.execute("PRAGMA temp_store = MEMORY")
        try database.execute("PRAGMA wal_autocheckpoint = 2000")
        try database.execute("PRAGMA journal_size_limit = 16777216")
    }

    package var path: String { database.path }

    /// Runs `body` between BEGIN and COMMIT; whatever it throws, or a COMMIT that fails, leaves the file as it was.
    package func transaction<Result>(
        _ body: () throws(RegistryError) -> Result
    ) throws(RegistryError) -> Result { try database.transaction(body) }

    // MARK: Writing, inside a transaction

    /// An id that no episode of this file has had.
    package func newID() throws(RegistryError) -> RecordedEpisode.ID {
        let id = try database.integer("SELECT next_episode FROM counters")
        try database.statement("UPDATE counters SET next_episode = next_episode + 1").run()
        return id
    }

    /// Adds an episode.
    package func insert(_ episode: RecordedEpisode) throws(RegistryError) {
        var (seed, previous, state): (Int64?, Int64?, EpisodeDigest?)
        var (isReset, draws) = (true, 0)
        switch episode.start {
        case .seed(let value): seed = Int64(value)
        case .after(let id, let count): (previous, draws) = (id, count)
        case .state(let text, let hasReset, let count):
            let digest = EpisodeDigest(of: text)
            try database.statement("INSERT OR IGNORE INTO states VALUES (?, ?)").run {
                $0.blob(digest.bytes)
                $0.text(text)
            }
            (state, isReset, draws) = (digest, hasReset, count)
        }
        let columns = Self.columns.split(separator: ",").count
        let marks = repeatElement("?", count: columns).joined(separator: ", ")
        try database.statement("INSERT INTO episodes (\(Self.columns)) VALUES (\(marks))").run { row in
            row.integer(episode.id)
            row.text(episode.making.environment)
            row.text(episode.making.version)
            row.text(episode.making.kwargs)
            row.integer(episode.making.count)
            row.text(episode.making.autoreset.rawValue)
            row.integer(episode.index)
            row.text(episode.sandbox)
            row.integer(seed)
            row.integer(previous)
            row.blob(state?.bytes)
            row.bool(isReset)
            row.integer(draws)
            row.blob(episode.first.bytes)
            row.integer(episode.startTime.microseconds)
            row.integer(episode.endTime?.microseconds)
            row.text(episode.ending.rawValue)
            row.integer(episode.steps)
            row.real(episode.total)
            row.bool(episode.terminated)
            row.bool(episode.truncated)
        }
    }

    /// Adds the step with this number, from 1, to an episode.
    package func insert(_ step: RecordedStep, number: Int, of episode: RecordedEpisode.ID) throws(RegistryError) {
        try database.statement("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)").run { row in
            row.integer(episode)
            row.integer(number)
            row.text(step.action)
            row.real(step.reward)
            row.integer((step.terminated ? 1 : 0) | (step.truncated ? 2 : 0))
            row.integer(step.microseconds)
            row.integer(step.draws)
            row.blob(step.observation.bytes)
            row.blob(step.hash.bytes)
        }
    }

    /// Says how far an episode has come; one that is not there any more is passed over.
    package func update(
        _ id: RecordedEpisode.ID, ending: RecordedEpisode.Ending, steps: Int, total: Double, terminated: Bool = false,
        truncated: Bool = false, at time: Timestamp
    ) throws(RegistryError) {
        try database.statement(
            """
            UPDATE episodes SET ending = ?, steps = ?, total = ?, terminated = ?, truncated = ?, end_time = ? WHERE id = ?
            """
        ).run { row in
            row.text(ending.rawValue)
            row.integer(steps)
            row.real(total)
            row.bool(terminated)
            row.bool(truncated)
            row.integer(ending == .running ? nil : time.microseconds)
            row.integer(id)
        }
    }

    /// Ends the records of episodes that run: of one, or of all.
    package func endRunning(_ id: RecordedEpisode.ID? = nil, as ending: RecordedEpisode.Ending) throws(RegistryError) {
        // What was committed last is what is known of it.
        let lastStep =
            "start_time + coalesce((SELECT max(microseconds) FROM steps WHERE episode = id AND number = episodes.steps), 0)"
        try database.statement(
            "UPDATE episodes SET ending = ?, end_time = \(lastStep) WHERE ending = 'running'"
                + (id == nil ? "" : " AND id = ?")
        ).run { row in
            row.text(ending.rawValue)
            if let id { row.integer(id) }
        }
    }
}
