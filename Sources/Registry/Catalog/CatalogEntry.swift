import GEM

/// An environment that somebody registered by name: an image, and what belongs to it.
package struct CatalogEntry: Equatable, Sendable {
    package var name: String
    package var image: String
    package var owner: String
    package var description: String
    package var tags: [String]
    /// Whatever else belongs to it, as JSON; `nil` where nothing does.
    package var extraSpec: String?
    package internal(set) var createTime = Timestamp(microseconds: 0)
    package internal(set) var updateTime = Timestamp(microseconds: 0)

    package init(
        name: String, image: String, owner: String = "", description: String = "", tags: [String] = [],
        extraSpec: String? = nil
    ) {
        self.name = name
        self.image = image
        self.owner = owner
        self.description = description
        self.tags = tags
        self.extraSpec = extraSpec
    }

    /// Entries there may be at most: what clients can make the registry keep.
    package static let countLimit = 100_000
}

extension SandboxRegistry {
    /// Adds `entry`, or takes it over where there is one of that name.
    ///
    /// - Returns: The entry with its times.
    /// - Throws: ``RegistryError``, with code `overloaded` where there are too many.
    package func register(_ entry: CatalogEntry) async throws -> CatalogEntry {
        let time = now
        return try await writer.withDatabase { database throws(RegistryError) in
            let known = try database.catalogEntry(entry.name)
            if known == nil, try database.integer("SELECT count(*) FROM catalog") >= CatalogEntry.countLimit {
                throw RegistryError(
                    .overloaded, "there are \(CatalogEntry.countLimit) environments already; delete some first")
            }
            var entry = entry
            (entry.createTime, entry.updateTime) = (known?.createTime ?? time, time)
            try database.write(entry)
            return entry
        }
    }

    /// The entry called `name`; `nil` where there is none.
    package func catalogEntry(_ name: String) async throws -> CatalogEntry? {
        try await writer.withDatabase { database throws(RegistryError) in try database.catalogEntry(name) }
    }

    /// The entries of `owner` (`nil` is anybody) that carry one of `tags` (none is any), by name.
    package func catalog(owner: String? = nil, tags: [String] = []) async throws -> [CatalogEntry] {
        try await writer.withDatabase { database throws(RegistryError) in
            try database.catalogEntries("").filter { entry in
                (owner == nil || entry.owner == owner) && (tags.isEmpty || entry.tags.contains { tags.contains($0) })
            }
        }
    }

    /// Removes the entry called `name`.
    ///
    /// - Returns: Whether there was one.
    package func unregister(_ name: String) async throws -> Bool {
        try await writer.withDatabase { database throws(RegistryError) in
            guard try database.catalogEntry(name) != nil else { return false }
            try database.statement("DELETE FROM catalog WHERE name = ?").run { $0.text(name) }
            return true
        }
    }

    /// Adds an entry to the audit log without waiting until it is on disk; a registry that refuses is no reason to turn
    /// anyone away.
    ///
    /// - Returns: Whether it was queued.
    @discardableResult
    package func note(actor: String, action: String, subject: String, outcome: String, detail: String = "") -> Bool {
        let job = RegistryWriter.Job { transaction in
            transaction.audit(actor: actor, action: action, subject: subject, outcome: outcome, detail: detail)
            return .keep { _ in }
        }
        do throws(RegistryError) {
            try writer.submit(job)
            return true
        } catch {
            return false
        }
    }
}

extension Database {
    fileprivate func catalogEntry(_ name: String) throws(RegistryError) -> CatalogEntry? {
        try catalogEntries("WHERE name = ?") { $0.text(name) }.first
    }

    fileprivate func catalogEntries(
        _ condition: String, _ bind: (inout Statement.Bindings) -> Void = { _ in }
    ) throws(RegistryError) -> [CatalogEntry] {
        let sql = """
            SELECT name, image, owner, description, tags, extra_spec, create_time, update_time FROM catalog
            \(condition) ORDER BY name
            """
        var entries: [CatalogEntry] = []
        try statement(sql).query(bind) { row throws(RegistryError) in
            var entry = CatalogEntry(
                name: try row.text(), image: try row.text(), owner: try row.text(), description: try row.text(),
                tags: Self.tags(try row.text()), extraSpec: try row.optionalText())
            entry.createTime = Timestamp(microseconds: try row.integer())
            entry.updateTime = Timestamp(microseconds: try row.integer())
            entries.append(entry)
        }
        return entries
    }

    private static func text(_ tags: [String]) -> String {
        var writer = JSONWriter()
        writer.value(.array(tags.map { .string($0) }))
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func tags(_ text: String) -> [String] {
        // Only text(_:) writes them.
        (try? JSON(parsing: Array(text.utf8).span))?.array?.compactMap(\.string) ?? []
    }

    fileprivate func write(_ entry: CatalogEntry) throws(RegistryError) {
        let sql = """
            INSERT INTO catalog (name, image, owner, description, tags, extra_spec, create_time, update_time)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET image = excluded.image,
            owner = excluded.owner, description = excluded.description, tags = excluded.tags,
            extra_spec = excluded.extra_spec, update_time = excluded.update_time
            """
        try statement(sql).run { row in
            row.text(entry.name)
            row.text(entry.image)
            row.text(entry.owner)
            row.text(entry.description)
            row.text(Self.text(entry.tags))
            row.text(entry.extraSpec)
            row.integer(entry.createTime.microseconds)
            row.integer(entry.updateTime.microseconds)
        }
    }
}
