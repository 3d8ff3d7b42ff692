import Foundation
import Testing

@testable import Registry

@Suite struct BackupTests {
    @Test func aBackupTakenWhileOthersWriteIsOneMoment() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        try await registry.write { try $0.create(SandboxRequest(id: "first")) }
        let target = fixture.folder.file("backup.db")
        // Each transaction makes a pair; a backup that holds half of one would be none.
        async let writing: Void = {
            for turn in 0..<300 {
                try await registry.write { transaction in
                    try transaction.create(SandboxRequest(id: "\(turn)-a"))
                    try transaction.create(SandboxRequest(id: "\(turn)-b"))
                }
            }
        }()
        for _ in 0..<5 { try await registry.backup(to: target) }
        try await writing
        var configuration = fixture.configuration
        configuration.path = target
        let copy = try SandboxRegistry(configuration)
        let pending = copy.counts()[.pending] ?? 0
        #expect(pending % 2 == 1 && copy.record("first") != nil)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path).allSatisfy {
                !$0.hasSuffix(".part")
            })
    }

    @Test func aRestoredRegistryIsAsItWasAndTheOtherIsKept() async throws {
        let fixture = try RegistryFixture()
        let path = fixture.configuration.path
        let target = fixture.folder.file("backup.db")
        var registry = try fixture.open()
        try await registry.write { try $0.create(SandboxRequest(id: "kept")) }
        try await registry.backup(to: target)
        try await registry.write { try $0.create(SandboxRequest(id: "later")) }
        #expect(RegistryError.code { try SandboxRegistry.restore(path, from: target) } == .inUse)
        await registry.close()

        try SandboxRegistry.restore(path, from: target)
        registry = try fixture.open()
        #expect(registry.record("kept") != nil && registry.record("later") == nil)
        await registry.close()
        var configuration = fixture.configuration
        configuration.path = path + ".replaced"
        let replaced = try SandboxRegistry(configuration)
        #expect(replaced.record("later") != nil)
        await replaced.close()
    }

    @Test func whatIsNoBackupIsRefusedAndNothingChanges() async throws {
        let fixture = try RegistryFixture()
        let path = fixture.configuration.path
        let registry = try fixture.open()
        try await registry.write { try $0.create(SandboxRequest(id: "kept")) }
        await registry.close()
        let other = fixture.folder.file("other.db")
        try Database(path: other).execute("CREATE TABLE t (x)")
        let garbage = fixture.folder.file("garbage.db")
        try Data("not a database, but long enough to be looked at".utf8).write(to: URL(filePath: garbage))
        let empty = fixture.folder.file("empty.db")
        try Data().write(to: URL(filePath: empty))
        let codes = [other, garbage, empty, fixture.folder.file("missing.db")].map { source in
            RegistryError.code { try SandboxRegistry.restore(path, from: source) }
        }
        #expect(codes == [.notARegistry, .corrupt, .notARegistry, .ioFailed])
        #expect(try fixture.open().record("kept") != nil)
    }

    @Test func aBackupNeedsAPlaceOfItsOwn() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        let codes = [
            await RegistryError.code { try await registry.backup(to: registry.path) },
            await RegistryError.code { try await registry.backup(to: "/nowhere/backup.db") },
        ]
        #expect(codes == [.invalidArgument, .ioFailed])
    }
}
