import Foundation
import Testing

@testable import Registry

@Suite struct DatabaseTests {
    let folder: TemporaryFolder
    let database: Database

    init() throws {
        folder = try TemporaryFolder()
        database = try Database(path: folder.file("test.db"))
    }

    @Test func valuesComeBackAsTheyWere() throws {
        try database.execute("CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB) STRICT")
        typealias Values = (Int64?, Double?, String?, [UInt8]?)
        let rows: [Values] = [
            (0, 0, "", []), (.max, .infinity, "a\0b 'quoted' 😀", [0, 255, 0]), (.min, -0.5, "é", [1]),
            (nil, nil, nil, nil),
        ]
        let insert = try database.statement("INSERT INTO t VALUES (?, ?, ?, ?)")
        for row in rows {
            try insert.run {
                $0.integer(row.0)
                $0.real(row.1)
                $0.text(row.2)
                $0.blob(row.3)
            }
        }
        var read: [Values] = []
        try database.statement("SELECT * FROM t").query { row throws(RegistryError) in
            read.append(
                (try row.optionalInteger(), try row.optionalReal(), try row.optionalText(), try row.optionalBlob()))
        }
        #expect(read.elementsEqual(rows) { $0 == $1 })
    }

    @Test func aFailingStatementCanBeUsedAgain() throws {
        try database.execute("CREATE TABLE t (i INTEGER PRIMARY KEY) STRICT")
        let insert = try database.statement("INSERT INTO t VALUES (?)")
        try insert.run { $0.integer(1) }
        let error = #expect(throws: RegistryError.self) { try insert.run { $0.integer(1) } }
        // SQLITE_CONSTRAINT_PRIMARYKEY, and what was tried.
        #expect(error?.sqliteCode == 1555 && error?.message.contains("INSERT INTO t") == true)
        try insert.run { $0.integer(2) }
        #expect(try database.integer("SELECT count(*) FROM t") == 2)
    }

    @Test func aTransactionThatThrowsLeavesNothing() throws {
        try database.execute("CREATE TABLE t (i INTEGER) STRICT")
        #expect(throws: RegistryError(.closed, "enough")) {
            try database.transaction { () throws(RegistryError) in
                try database.execute("INSERT INTO t VALUES (1)")
                throw RegistryError(.closed, "enough")
            }
        }
        #expect(try database.integer("SELECT count(*) FROM t") == 0)
    }

    @Test func aColumnOfAnotherTypeIsDamage() throws {
        try database.execute("CREATE TABLE t (x ANY) STRICT; INSERT INTO t VALUES ('text')")
        let code = RegistryError.code { _ = try database.integer("SELECT x FROM t") }
        #expect(code == .corrupt)
    }

    @Test func onlyItsOwnerMayReadTheFile() throws {
        let attributes = try FileManager.default.attributesOfItem(atPath: database.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test func aMissingFolderIsNamed() {
        let error = #expect(throws: RegistryError.self) { try Database(path: "/nowhere/registry.db") }
        #expect(error?.code == .ioFailed && error?.message.contains("/nowhere/registry.db") == true)
    }
}
