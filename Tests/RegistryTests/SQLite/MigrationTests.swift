import Testing

@testable import Registry

@Suite struct MigrationTests {
    /// What files of each version may hold: one row in each table that the version has.
    private static let rows = [
        """
        INSERT INTO sandboxes VALUES (7, 'old', 'python:3.11', 'u', 'e', 'n', 'c', 'jail', '', 2.0, NULL, 8589934592, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, 60, NULL, NULL, 1000000, NULL, 3, 'running', 'h', 'host', '10.0.0.1', '[]',
        '{"8080":40000}', '{"team":"blue"}', NULL, 2000000, NULL, NULL, NULL, 62000000, NULL, NULL);
        INSERT INTO transitions VALUES (7, 0, NULL, 'pending', 'create', 1000000);
        INSERT INTO transitions VALUES (7, 1, 'pending', 'running', 'alive', 2000000)
        """,
        "INSERT INTO billing VALUES (5, 3, 'gone', 'u', 'e', 'n', 1.0, 1024, 1, 2, '{}')",
        """
        INSERT INTO api_keys VALUES ('00000000', 'old key', zeroblob(32), 'read', 'a', 1, NULL, NULL);
        INSERT INTO audit VALUES (1, 1, 'who', 'what', 'whom', 'ok', '')
        """,
        "INSERT INTO requests VALUES ('make', 'r1', 1769000000000000, x'01')",
    ]

    @Test(arguments: 0...Schema.migrations.count)
    func everyEarlierVersionIsBroughtUpToDate(version: Int) async throws {
        let fixture = try RegistryFixture()
        let fresh = try Database(path: fixture.folder.file("fresh.db"))
        try fresh.migrate()
        do {
            let old = try Database(path: fixture.configuration.path)
            try old.migrate(Array(Schema.migrations.prefix(version)))
            for rows in Self.rows.prefix(version) { try old.execute(rows) }
        }
        let registry = try fixture.open()
        #expect((registry.record("old")?.state == .running) == (version >= 1))
        #expect(try await registry.billing().map(\.sandboxID) == (version >= 2 ? ["gone"] : []))
        #expect(registry.keys.map(\.name) == (version >= 3 ? ["old key"] : []))
        let key = try RequestKey(scope: "make", requestID: "r1")
        #expect(try await registry.write { $0.claim(key) } == (version >= 4 ? .answered([1]) : .new))
        // Numbers go on where the old file stopped.
        let created = try await registry.write { try $0.create(SandboxRequest(id: "new")) }
        #expect(created.serial == (version >= 1 ? 8 : 1) && created.revision == (version >= 1 ? 4 : 1))
        await registry.close()

        let schema = "SELECT type || name || coalesce(sql, '') FROM sqlite_schema ORDER BY name"
        let migrated = try Database(path: fixture.configuration.path)
        #expect(try migrated.texts(schema) == fresh.texts(schema))
        #expect(try migrated.texts("PRAGMA foreign_key_check").isEmpty)
    }

    @Test(arguments: [
        ("PRAGMA application_id = \(Database.applicationID); PRAGMA user_version = 99", RegistryError.Code.newerSchema),
        ("PRAGMA application_id = 1; PRAGMA user_version = 1", .notARegistry),
        ("CREATE TABLE somebody_elses (x)", .notARegistry),
    ])
    func refusesFilesThatAreNotForIt(sql: String, code: RegistryError.Code) throws {
        let fixture = try RegistryFixture()
        try Database(path: fixture.configuration.path).execute(sql)
        #expect(RegistryError.code { _ = try fixture.open() } == code)
    }

    @Test func aStepThatFailsLeavesTheVersionBefore() throws {
        let fixture = try RegistryFixture()
        let database = try Database(path: fixture.configuration.path)
        let bad = Migration(number: 2, sql: "CREATE TABLE half (x); CREATE TABLE sandboxes (x)")
        #expect(RegistryError.code { try database.migrate([Schema.migrations[0], bad]) } == .sqliteFailed)
        #expect(try database.checkedVersion() == 1)
        #expect(try database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'half'") == 0)
    }
}
