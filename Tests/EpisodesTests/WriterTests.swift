import Foundation
import GEM
import Registry
import Testing

@testable import Episodes

/// Recording on bad days: whoever plays does not notice, and what is in the file is true.
@Suite struct WriterTests {
    private static let bandit: JSON = ["env_id": "rock:Bandit-v0", "kwargs": ["max_turns": 1_000_000]]

    @Test func aFullQueueCutsTheEpisodeAndNothingElse() async throws {
        let folder = try TemporaryFolder()
        let (writer, notices) = folder.writer { $0.queueCalls = 6 }
        let one = try PlayedService(Self.bandit, writer, sandbox: "one")
        let other = try PlayedService(Self.bandit, writer, sandbox: "other")
        try other.call(.reset, ["seed": 1])
        try one.call(.reset, ["seed": 2])
        for _ in 0..<6 { try one.step("\\boxed{A}") }
        #expect(one.recording.isLost && !writer.hasRoom)
        await writer.flush()
        #expect(writer.hasRoom && writer.counts.lost == 2)
        // Steps on a lost stream are not written; a new seed begins anew.
        try one.step("\\boxed{A}")
        try one.call(.reset)
        try one.call(.reset, ["seed": 3])
        try other.step("\\boxed{A}")
        for game in [one, other] { try game.call(.closed) }
        await writer.close()
        let episodes = try folder.store().episodes()
        #expect(
            episodes.map { "\($0.sandbox) \(short($0.start)), \($0.steps) \($0.ending.rawValue)" } == [
                "other seed 1, 1 left", "one seed 2, 4 cut", "one seed 3, 0 left",
            ])
        #expect(notices.words == [])
    }

    /// Whether this process may mount a file system.
    private static let canMount: Bool = {
        guard let folder = try? TemporaryFolder(), mount("none", folder.path, "tmpfs", 0, "size=64k") == 0 else {
            return false
        }
        return umount(folder.path) == 0
    }()

    @Test(.enabled(if: canMount, "needs the right to mount a small file system"))
    func aFullDiskStopsRecordingUntilThereIsRoom() async throws {
        let folder = try TemporaryFolder()
        try #require(mount("none", folder.path, "tmpfs", 0, "size=512k") == 0)
        defer { umount(folder.path) }
        let (writer, notices) = folder.writer { $0.pause = .zero }
        let game = try PlayedService(Self.bandit, writer)
        try game.call(.reset, ["seed": 2])
        try game.step("\\boxed{A}")
        await writer.flush()
        while notices.words.isEmpty {
            for _ in 0..<100 { try game.step("\\boxed{A} because " + String(repeating: "x", count: 200)) }
            await writer.flush()
        }
        #expect(notices.words == ["stopped"] && game.recording.isLost)
        let kept = writer.counts.steps
        #expect(kept > 0 && writer.counts.lost >= 100)

        try #require(mount("none", folder.path, "tmpfs", UInt(MS_REMOUNT), "size=16m") == 0)
        try game.call(.reset, ["seed": 3])
        try game.call(.closed)
        await writer.close()
        #expect(notices.words == ["stopped", "goesOn"])
        let store = try folder.store()
        #expect(
            try store.episodes().map { "\(short($0.start)), \($0.steps) \($0.ending.rawValue)" } == [
                "seed 2, \(kept) cut", "seed 3, 0 left",
            ])
        #expect(try store.steps(of: 1).count == kept)
    }

    @Test func whatAKilledServerLeftRunningIsCut() async throws {
        let folder = try TemporaryFolder()
        do {
            let (writer, _) = folder.writer()
            let game = try PlayedService(Self.bandit, writer)
            try game.call(.reset, ["seed": 2])
            for _ in 0..<3 { try game.step("\\boxed{A}") }
            await writer.flush()
            try game.step("\\boxed{A}")  // never written: nobody closes the writer
        }
        let reader = try EpisodeStore(path: folder.episodes, access: .readOnly)
        #expect(try reader.episodes().map { "\($0.steps) \($0.ending.rawValue)" } == ["3 running"])
        let (writer, _) = folder.writer()
        writer.recover()
        await writer.close()
        let episode = try #require(try folder.store().episode(1))
        #expect(episode.ending == .cut && episode.steps == 3)
        let last = try folder.store().steps(of: 1).last?.microseconds
        #expect(episode.endTime.map { $0.microseconds - episode.startTime.microseconds } == last)
    }

    /// The oldest go, what runs stays, and no number comes back.
    @Test(arguments: [
        (EpisodeRetention(episodes: 4), 7...10), (EpisodeRetention(seconds: 25), 8...10),
        (EpisodeRetention(bytes: 200_000), 2...10), (EpisodeRetention(), 1...10),
    ])
    func theOldestAreRemoved(retention: EpisodeRetention, left: ClosedRange<Int64>) async throws {
        let folder = try TemporaryFolder()
        let now = Timestamp(seconds: 1_800_000_000)
        do {
            let store = try folder.store()
            try store.transaction { () throws(RegistryError) in
                for number in 0..<9 {
                    // Ten seconds apart; 100 steps of some 250 bytes each.
                    let id = try store.newID()
                    let time = now.advanced(bySeconds: Int64(10 * number - 90))
                    try store.insert(
                        RecordedEpisode(
                            id: id,
                            making: .init(
                                environment: "e", version: "1", kwargs: "{}", count: nil, autoreset: .disabled),
                            index: 0, sandbox: "s", start: .state("state \(number)", isReset: true, draws: 0),
                            first: EpisodeDigest(of: ""), startTime: time, endTime: time, ending: .ended))
                    for step in 1...100 {
                        try store.insert(
                            RecordedStep(
                                action: String(repeating: "x", count: 150), reward: 0, terminated: false,
                                truncated: false, microseconds: 0, draws: 0, observation: EpisodeDigest(of: ""),
                                hash: EpisodeDigest(of: "")), number: step, of: id)
                    }
                }
            }
        }
        let (writer, _) = folder.writer {
            $0.retention = retention
            $0.clock = { now }
        }
        let game = try PlayedService(Self.bandit, writer)
        try game.call(.reset, ["seed": 2])
        await writer.flush()
        await writer.close()
        let store = try folder.store()
        let ids = try store.episodes().map(\.id)
        // How many bytes an episode takes is SQLite's affair; that it is the youngest that stay is ours.
        let expected = retention.bytes == nil ? left : max(left.lowerBound, ids.first ?? 0)...left.upperBound
        #expect(ids == Array(expected))
        if let bytes = retention.bytes { #expect(try store.usedBytes() <= bytes) }
        #expect(ids.count > 2)
        #expect(try store.database.integer("SELECT count(*) FROM states") == Int64(ids.count - 1))
        #expect(try store.database.integer("SELECT count(*) FROM steps") == Int64(100 * (ids.count - 1)))
        try store.remove(EpisodeQuery())
        #expect(try store.newID() == 11)
    }

    @Test func aFileOfAnotherKindIsLeftAlone() async throws {
        let folder = try TemporaryFolder()
        try Data("no database, but longer than a header of one would be".utf8).write(
            to: URL(filePath: folder.episodes))
        let (writer, notices) = folder.writer()
        let game = try PlayedService(Self.bandit, writer)
        try game.call(.reset, ["seed": 2])
        await writer.flush()
        #expect(notices.words == ["stopped"])
        #expect(!writer.submit(RecordedCall(.closed), of: game.recording))
        await writer.close()
        _ = try Database(path: folder.path + "/other.db").execute("CREATE TABLE t (a)")
        for path in ["/other.db", "/episodes.db"] {
            #expect(throws: RegistryError.self) {
                _ = try EpisodeStore(path: folder.path + path, access: .readWrite)
            }
        }
    }
}
