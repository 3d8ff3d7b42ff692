import GEM
package import Registry

/// Which episodes are meant.
package struct EpisodeQuery: Sendable {
    /// An id, or a pattern with `*` and `?`.
    package var environment: String?
    /// Begun at this moment or later, and before that one.
    package var since: Timestamp?
    package var until: Timestamp?
    package var minimumTotal: Double?
    package var maximumTotal: Double?
    package var endings: [RecordedEpisode.Ending] = []
    /// Only ids behind, and before, these.
    package var behind: RecordedEpisode.ID?
    package var before: RecordedEpisode.ID?

    package init() {}

    /// The conditions, and the values for their question marks.
    var condition: (sql: String, bind: (inout Statement.Bindings) -> Void) {
        var parts = ["1"]
        if environment != nil { parts.append("env_id GLOB ?") }
        if since != nil { parts.append("start_time >= ?") }
        if until != nil { parts.append("start_time < ?") }
        if minimumTotal != nil { parts.append("total >= ?") }
        if maximumTotal != nil { parts.append("total <= ?") }
        if behind != nil { parts.append("id > ?") }
        if before != nil { parts.append("id < ?") }
        if !endings.isEmpty {
            parts.append("ending IN (\(endings.map { "'\($0.rawValue)'" }.joined(separator: ", ")))")
        }
        return (
            parts.joined(separator: " AND "),
            { row in
                // In the order of the parts above.
                if let environment { row.text(environment) }
                if let since { row.integer(since.microseconds) }
                if let until { row.integer(until.microseconds) }
                if let minimumTotal { row.real(minimumTotal) }
                if let maximumTotal { row.real(maximumTotal) }
                if let behind { row.integer(behind) }
                if let before { row.integer(before) }
            }
        )
    }
}

extension EpisodeStore {
    static let columns = """
        id, env_id, version, kwargs, num_envs, autoreset, env_index, sandbox_id, seed, previous, state, is_reset, draws, \
        first, start_time, end_time, ending, steps, total, terminated, truncated
        """

    /// The episodes that `query` means.
    ///
    /// - Parameters:
    ///   - query: Which.
    ///   - limit: How many at most.
    ///   - newestFirst: Whether the youngest come first, rather than the oldest.
    /// - Returns: The episodes by their ids.
    /// - Throws: ``RegistryError``.
    package func episodes(
        _ query: EpisodeQuery = EpisodeQuery(), limit: Int = .max, newestFirst: Bool = false
    ) throws(RegistryError) -> [RecordedEpisode] {
        let (condition, bind) = query.condition
        var found: [RecordedEpisode] = []
        try database.statement(
            "SELECT \(Self.columns) FROM episodes WHERE \(condition) ORDER BY id \(newestFirst ? "DESC" : "") LIMIT ?"
        ).query { row in
            bind(&row)
            row.integer(limit)
        } read: { row throws(RegistryError) in
            found.append(try episode(&row))
        }
        return found
    }

    /// The episode called `id`; `nil` where there is none.
    package func episode(_ id: RecordedEpisode.ID) throws(RegistryError) -> RecordedEpisode? {
        var found: RecordedEpisode?
        try database.statement("SELECT \(Self.columns) FROM episodes WHERE id = ?").query { row in
            row.integer(id)
        } read: { row throws(RegistryError) in
            found = try episode(&row)
        }
        return found
    }

    /// How many episodes `query` means, and how many steps those have.
    package func count(_ query: EpisodeQuery = EpisodeQuery()) throws(RegistryError) -> (episodes: Int, steps: Int) {
        let (condition, bind) = query.condition
        var counts = (episodes: 0, steps: 0)
        try database.statement("SELECT count(*), coalesce(sum(steps), 0) FROM episodes WHERE \(condition)").query {
            bind(&$0)
        } read: { row throws(RegistryError) in
            counts = (try row.integer(as: Int.self), try row.integer(as: Int.self))
        }
        return counts
    }

    /// The steps of an episode, in order.
    package func steps(of id: RecordedEpisode.ID) throws(RegistryError) -> [RecordedStep] {
        var steps: [RecordedStep] = []
        try database.statement(
            """
            SELECT number, action, reward, flags, microseconds, draws, observation, hash FROM steps WHERE episode = ? \
            ORDER BY number
            """
        ).query { row in
            row.integer(id)
        } read: { row throws(RegistryError) in
            guard try row.integer() == steps.count + 1 else { throw row.damaged(expected: "next step") }
            let (action, reward) = (try row.text(), try row.real())
            let flags = try row.integer(as: UInt8.self)
            steps.append(
                RecordedStep(
                    action: action, reward: reward, terminated: flags & 1 != 0, truncated: flags & 2 != 0,
                    microseconds: try row.integer(), draws: try row.integer(as: Int.self),
                    observation: try digest(&row), hash: try digest(&row)))
        }
        return steps
    }

    /// The episode of a stream that began at this moment; `nil` where there is none.
    func episode(
        sandbox: String, index: Int, startTime: Timestamp
    ) throws(RegistryError) -> RecordedEpisode.ID? {
        var found: RecordedEpisode.ID?
        try database.statement(
            "SELECT id FROM episodes WHERE sandbox_id = ? AND env_index = ? AND start_time = ? LIMIT 1"
        ).query { row in
            row.text(sandbox)
            row.integer(index)
            row.integer(startTime.microseconds)
        } read: { row throws(RegistryError) in
            found = try row.integer()
        }
        return found
    }

    private func episode(_ row: inout Statement.Row) throws(RegistryError) -> RecordedEpisode {
        let (id, environment, version) = (try row.integer(), try row.text(), try row.text())
        let (kwargs, count) = (try row.text(), try row.optionalInteger().map(Int.init))
        guard let autoreset = VectorEnvironment.Autoreset(rawValue: try row.text()) else {
            throw row.damaged(expected: "way to reset")
        }
        let (index, sandbox) = (try row.integer(as: Int.self), try row.text())
        let (seed, previous) = (try row.optionalInteger(), try row.optionalInteger())
        let (state, isReset, draws) = (try row.optionalBlob(), try row.bool(), try row.integer(as: Int.self))
        let start: RecordedEpisode.Start
        if let seed {
            guard let seed = Seed(exactly: seed) else { throw row.damaged(expected: "seed") }
            start = .seed(seed)
        } else if let state {
            start = .state(try self.state(state), isReset: isReset, draws: draws)
        } else {
            start = .after(previous, draws: draws)
        }
        let first = try digest(&row)
        let startTime = Timestamp(microseconds: try row.integer())
        let endTime = try row.optionalInteger().map { Timestamp(microseconds: $0) }
        guard let ending = RecordedEpisode.Ending(rawValue: try row.text()) else {
            throw row.damaged(expected: "ending")
        }
        return RecordedEpisode(
            id: id,
            making: .init(
                environment: environment, version: version, kwargs: kwargs, count: count, autoreset: autoreset),
            index: index, sandbox: sandbox, start: start, first: first, startTime: startTime, endTime: endTime,
            ending: ending, steps: try row.integer(as: Int.self), total: try row.real(), terminated: try row.bool(),
            truncated: try row.bool())
    }

    private func digest(_ row: inout Statement.Row) throws(RegistryError) -> EpisodeDigest {
        guard let digest = EpisodeDigest(bytes: try row.blob()) else { throw row.damaged(expected: "digest") }
        return digest
    }

    private func state(_ digest: [UInt8]) throws(RegistryError) -> String {
        var state = ""
        try database.statement("SELECT state FROM states WHERE digest = ?").query { row in
            row.blob(digest)
        } read: { row throws(RegistryError) in
            state = try row.text()
        }
        return state
    }
}
