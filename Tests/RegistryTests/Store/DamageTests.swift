import Foundation
import Testing

@testable import Registry

/// What the disk may do, and what the registry does then.
@Suite struct DamageTests {
    /// Whether this process may mount a file system.
    private static let canMount: Bool = {
        guard let folder = try? TemporaryFolder() else { return false }
        guard mount("none", folder.path, "tmpfs", 0, "size=64k") == 0 else { return false }
        return umount(folder.path) == 0
    }()

    /// Writes until the disk refuses, and looks at what is left then, when there is room again, and behind a restart.
    private func fillUp(
        _ fixture: RegistryFixture, start: (SandboxRegistry) async throws -> Void = { _ in },
        makeRoom: (SandboxRegistry) async throws -> Void
    ) async throws {
        let registry = try fixture.open()
        try await start(registry)
        var kept = 0
        var refusal: RegistryError?
        while refusal == nil, kept < 100_000 {
            do {
                let id = "box-\(kept)"
                try await registry.write { transaction in
                    var request = SandboxRequest(id: id)
                    request.blueprint = [UInt8](repeating: 0x78, count: 4096)
                    try transaction.create(request)
                }
                kept += 1
            } catch {
                refusal = error as? RegistryError
            }
        }
        #expect(refusal?.code == .diskFull && refusal?.message.contains(fixture.configuration.path) == true)
        // What is there can be read; what was refused is not there.
        #expect(kept > 0 && registry.counts()[.pending] == kept && registry.record("box-\(kept)") == nil)
        #expect(registry.latestChange == kept)

        try await makeRoom(registry)
        try await registry.write { try $0.create(SandboxRequest(id: "later")) }
        #expect(registry.record("later")?.revision == Int64(kept) + 1)
        await registry.close()
        let again = try fixture.open()
        #expect(again.counts()[.pending] == kept + 1)
        await again.close()
    }

    @Test func aFileThatMayNotGrowRefusesAndRecovers() async throws {
        let fixture = try RegistryFixture()
        try await fillUp(fixture, start: { try await Self.limitPages(of: $0, to: 200) }) {
            try await Self.limitPages(of: $0, to: 20_000)
        }
    }

    private static func limitPages(of registry: SandboxRegistry, to count: Int) async throws {
        try await registry.writer.withDatabase { database throws(RegistryError) in
            _ = try database.integer("PRAGMA max_page_count = \(count)")
        }
    }

    @Test(.enabled(if: canMount, "needs the right to mount a small file system"))
    func aFullDiskRefusesAndRecovers() async throws {
        let folder = try TemporaryFolder()
        try #require(mount("none", folder.path, "tmpfs", 0, "size=2m") == 0)
        defer { umount(folder.path) }
        let fixture = try RegistryFixture(folder: folder)
        try await fillUp(fixture) { _ in
            try #require(mount("none", folder.path, "tmpfs", UInt(MS_REMOUNT), "size=64m") == 0)
        }
    }

    @Test(.enabled(if: canMount, "needs the right to mount a small file system"))
    func aReadOnlyDiskCanStillBeRead() async throws {
        let folder = try TemporaryFolder()
        try #require(mount("none", folder.path, "tmpfs", 0, "size=16m") == 0)
        defer { umount(folder.path) }
        var fixture = try RegistryFixture(folder: folder)
        do {
            let registry = try fixture.open()
            try await registry.write { try $0.create(SandboxRequest(id: "box")) }
            await registry.close()
        }
        try #require(mount("none", folder.path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), "") == 0)
        #expect(RegistryError.code { _ = try fixture.open() } == .readOnly)
        fixture.configuration.isReadOnly = true
        let registry = try fixture.open()
        #expect(registry.record("box")?.state == .pending)
        let code = await RegistryError.code { try await registry.write { _ in } }
        #expect(code == .readOnly)
        await registry.close()
    }

    @Test func readingOnlyKeepsNobodyAway() async throws {
        var fixture = try RegistryFixture()
        let registry = try fixture.open()
        try await registry.write { try $0.create(SandboxRequest(id: "box")) }
        fixture.configuration.isReadOnly = true
        let reader = try fixture.open()
        #expect(reader.record("box")?.state == .pending)
        await reader.close()
        try await registry.write { try $0.move("box", by: .alive) }
    }

    /// One flipped byte anywhere in the file: the registry says so, or nothing of what it promises is broken.
    @Test func flippedBytesAreNamedAndNeverCrash() async throws {
        let fixture = try RegistryFixture()
        do {
            let registry = try fixture.open()
            try await registry.write { transaction in
                for turn in 0..<60 {
                    try transaction.create(SandboxRequest(id: "box-\(turn)"))
                    try transaction.move("box-\(turn)", by: .alive)
                }
            }
            await registry.close()
        }
        let sound = try #require(FileBytes.read(fixture.configuration.path))
        var dice = SandboxListTests.Dice(state: 3)
        var codes: [RegistryError.Code: Int] = [:]
        var opened = 0
        for _ in 0..<300 {
            var bytes = sound
            bytes[Int.random(in: 0..<bytes.count, using: &dice)] ^= UInt8.random(in: 1...255, using: &dice)
            try Data(bytes).write(to: URL(filePath: fixture.configuration.path))
            do throws(RegistryError) {
                let registry = try SandboxRegistry(fixture.configuration)
                opened += 1
                #expect(registry.counts().values.reduce(0, +) <= 60)
                await registry.close()
            } catch {
                codes[error.code, default: 0] += 1
            }
        }
        #expect(
            codes.keys.allSatisfy { [.corrupt, .notARegistry, .newerSchema, .sqliteFailed].contains($0) }, "\(codes)")
        #expect((codes[.corrupt] ?? 0) > 20 && opened > 0, "\(codes) \(opened)")
    }

    @Test func aFileCutShortIsNamed() async throws {
        let fixture = try RegistryFixture()
        do {
            let registry = try fixture.open()
            try await registry.write { transaction in
                for turn in 0..<200 { try transaction.create(SandboxRequest(id: "box-\(turn)")) }
            }
            await registry.close()
        }
        let sound = try #require(FileBytes.read(fixture.configuration.path))
        for length in [10, 100, 4096, sound.count / 2] {
            try Data(sound.prefix(length)).write(to: URL(filePath: fixture.configuration.path))
            #expect(RegistryError.code { _ = try fixture.open() } == .corrupt)
        }
    }
}

enum FileBytes {
    static func read(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map { [UInt8]($0) } }
}
