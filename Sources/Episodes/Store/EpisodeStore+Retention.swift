package import Registry

/// How much is kept; the oldest episodes go first.
package struct EpisodeRetention: Equatable, Sendable {
    /// Seconds since an episode began.
    package var seconds: Int?
    /// Bytes of the file.
    package var bytes: Int?
    package var episodes: Int?

    package init(seconds: Int? = nil, bytes: Int? = nil, episodes: Int? = nil) {
        (self.seconds, self.bytes, self.episodes) = (seconds, bytes, episodes)
    }

    /// Whether everything is kept.
    package var isUnlimited: Bool { self == EpisodeRetention() }
}

extension EpisodeStore {
    /// Removes every episode that `query` means and that does not run.
    ///
    /// - Parameters:
    ///   - query: Which.
    ///   - limit: How many at most, the oldest first.
    /// - Returns: How many are gone.
    /// - Throws: ``RegistryError``; what was removed before stays removed.
    @discardableResult
    package func remove(_ query: EpisodeQuery, limit: Int = .max) throws(RegistryError) -> Int {
        let (condition, bind) = query.condition
        var removed = 0
        // Some at a time, so that a server that records is not kept waiting.
        while removed < limit {
            let piece = try transaction { () throws(RegistryError) -> Int in
                try database.statement(
                    """
                    DELETE FROM episodes WHERE id IN
                        (SELECT id FROM episodes WHERE ending <> 'running' AND \(condition) ORDER BY id LIMIT ?)
                    """
                ).run { row in
                    bind(&row)
                    row.integer(min(limit - removed, 500))
                }
                return database.changedRows
            }
            guard piece > 0 else { break }
            removed += piece
        }
        if removed > 0 { try sweep() }
        return removed
    }

    /// Removes what is more than `retention` allows.
    ///
    /// - Parameters:
    ///   - retention: The limits.
    ///   - now: The time.
    /// - Returns: How many episodes are gone.
    /// - Throws: ``RegistryError``.
    @discardableResult
    package func apply(_ retention: EpisodeRetention, at now: Timestamp) throws(RegistryError) -> Int {
        var removed = 0
        if let seconds = retention.seconds {
            var query = EpisodeQuery()
            query.until = now.advanced(bySeconds: -Int64(seconds))
            removed += try remove(query)
        }
        if let most = retention.episodes {
            let excess = try database.integer("SELECT count(*) FROM episodes") - Int64(most)
            if excess > 0 { removed += try remove(EpisodeQuery(), limit: Int(excess)) }
        }
        if let most = retention.bytes {
            while case let size = try usedBytes(), size > most {
                let count = Int(try database.integer("SELECT count(*) FROM episodes"))
                // As large a share as is too much, and a little more.
                let share = max(1, count * (size - most) / max(size, 1) + count / 50)
                let piece = try remove(EpisodeQuery(), limit: share)
                guard piece > 0 else { break }
                removed += piece
            }
        }
        return removed
    }

    /// What the file holds, in bytes; free pages are not counted.
    package func usedBytes() throws(RegistryError) -> Int {
        let pages = try database.integer("PRAGMA page_count") - database.integer("PRAGMA freelist_count")
        return Int(pages * (try database.integer("PRAGMA page_size")))
    }

    /// Removes states that no episode begins from, and gives free pages back.
    private func sweep() throws(RegistryError) {
        try database.execute(
            "DELETE FROM states WHERE NOT EXISTS (SELECT 1 FROM episodes WHERE episodes.state = states.digest)")
        try database.execute("PRAGMA incremental_vacuum")
    }
}
