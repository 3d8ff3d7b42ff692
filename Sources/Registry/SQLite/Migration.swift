/// One step of the file's schema; number n leads from version n − 1 to version n.
///
/// A step that has been released is never edited: files out there have taken it. Add another.
package struct Migration: Sendable {
    package let number: Int
    package let sql: String

    package init(number: Int, sql: String) {
        self.number = number
        self.sql = sql
    }
}

extension Database {
    /// Marks the file as a registry of Rock's: "Rock" in ASCII.
    static let applicationID: Int64 = 0x526F_636B

    /// Brings a registry's schema up to date; see ``migrate(_:)``.
    func migrate() throws(RegistryError) { try migrate(Schema.migrations) }

    /// Brings the file's schema up to date, one transaction a step.
    ///
    /// - Throws: ``RegistryError`` with code `newerSchema` where a later version of this program wrote the file, `notARegistry`
    ///   where another program did, and what SQLite reports.
    package func migrate(_ migrations: [Migration]) throws(RegistryError) {
        let version = try checkedVersion(latest: migrations.count)
        for migration in migrations.dropFirst(version) {
            try transaction { () throws(RegistryError) in
                try execute(migration.sql)
                try execute("PRAGMA application_id = \(Self.applicationID)")
                try execute("PRAGMA user_version = \(migration.number)")
            }
        }
    }

    /// The schema's version, 0 for an empty file, after checking that the file is ours and not from the future.
    func checkedVersion(latest: Int = Schema.migrations.count) throws(RegistryError) -> Int {
        let application = try integer("PRAGMA application_id")
        let version = try integer("PRAGMA user_version")
        guard application == Self.applicationID else {
            if application == 0, version == 0, try integer("SELECT count(*) FROM sqlite_schema") == 0 { return 0 }
            throw RegistryError(.notARegistry, "\(path) is a database of another program; name another file")
        }
        guard version <= latest else {
            throw RegistryError(
                .newerSchema,
                "\(path) has schema \(version), this program knows up to \(latest); run the newer program that wrote it"
            )
        }
        return Int(version)
    }

    /// Looks at every page's structure.
    ///
    /// - Throws: ``RegistryError`` with code `corrupt` and the first faults found.
    func checkIntegrity() throws(RegistryError) {
        let faults = try texts("PRAGMA quick_check(3)")
        guard faults == ["ok"] else {
            throw RegistryError(
                .corrupt,
                "\(path) is damaged (\(faults.joined(separator: "; "))); restore a backup or move the file away")
        }
    }
}
