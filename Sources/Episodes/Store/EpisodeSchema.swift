import Registry

/// What the file holds.
///
/// Times are microseconds since 1970, UTC; digests are blobs of 32 bytes.
enum EpisodeSchema {
    /// "RkEp" in ASCII: marks the file as one of episodes.
    static let applicationID: Int64 = 0x526B_4570
    static let version: Int64 = 1

    static let tables = """
        -- States that streams began from; the many streams of a vector share one.
        CREATE TABLE states (
            digest BLOB PRIMARY KEY,
            state TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE episodes (
            id INTEGER PRIMARY KEY,
            env_id TEXT NOT NULL,
            version TEXT NOT NULL,
            kwargs TEXT NOT NULL,
            num_envs INTEGER,
            autoreset TEXT NOT NULL,
            env_index INTEGER NOT NULL,
            sandbox_id TEXT NOT NULL,
            -- One of the three says where the stream came from; none where the episode before is not known.
            seed INTEGER,
            previous INTEGER,
            state BLOB REFERENCES states (digest),
            is_reset INTEGER NOT NULL,
            draws INTEGER NOT NULL,
            first BLOB NOT NULL,
            start_time INTEGER NOT NULL,
            end_time INTEGER,
            ending TEXT NOT NULL CHECK (ending IN ('running', 'ended', 'left', 'cut')),
            steps INTEGER NOT NULL,
            total REAL NOT NULL,
            terminated INTEGER NOT NULL,
            truncated INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX episodes_running ON episodes (id) WHERE ending = 'running';
        CREATE INDEX episodes_by_state ON episodes (state) WHERE state IS NOT NULL;
        CREATE INDEX episodes_by_stream ON episodes (sandbox_id, env_index, start_time);
        CREATE TABLE steps (
            episode INTEGER NOT NULL REFERENCES episodes (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            action TEXT NOT NULL,
            reward REAL NOT NULL,
            flags INTEGER NOT NULL,
            microseconds INTEGER NOT NULL,
            draws INTEGER NOT NULL,
            observation BLOB NOT NULL,
            hash BLOB NOT NULL,
            PRIMARY KEY (episode, number)
        ) STRICT, WITHOUT ROWID;
        -- The id of the next episode: one that was removed must not come back as another, which streams might go on from.
        CREATE TABLE counters (next_episode INTEGER NOT NULL) STRICT;
        INSERT INTO counters VALUES (1);
        """
}

extension EpisodeStore {
    /// Brings an empty file's schema up, and refuses what is no file of episodes.
    func prepare(writing: Bool) throws(RegistryError) {
        let application = try database.integer("PRAGMA application_id")
        let version = try database.integer("PRAGMA user_version")
        if application == EpisodeSchema.applicationID {
            guard version <= EpisodeSchema.version else {
                throw RegistryError(
                    .newerSchema,
                    "\(database.path) has schema \(version), this program knows up to \(EpisodeSchema.version); run the newer program that wrote it"
                )
            }
            return
        }
        guard application == 0, version == 0, try database.integer("SELECT count(*) FROM sqlite_schema") == 0, writing
        else { throw RegistryError(.notARegistry, "\(database.path) holds no episodes; name another file") }
        // Must come before the first table.
        try database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        try database.transaction { () throws(RegistryError) in
            try database.execute(EpisodeSchema.tables)
            try database.execute("PRAGMA application_id = \(EpisodeSchema.applicationID)")
            try database.execute("PRAGMA user_version = \(EpisodeSchema.version)")
        }
    }
}
