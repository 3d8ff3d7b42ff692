import GEM
import Registry
import Testing

@testable import Episodes

/// Episodes as lines of JSON, out and in.
@Suite struct LineTests {
    /// A file with three episodes on one stream, the last from a saved state.
    private func filled(_ folder: TemporaryFolder) async throws -> [[UInt8]] {
        let (writer, _) = folder.writer()
        let game = try PlayedService(["env_id": "game:Hangman-v0-easy", "kwargs": ["word_length": 4]], writer)
        try game.call(.reset, ["seed": 9])
        for action in ["\\boxed{E}", "\\boxed{A}", "none at all"] { try game.step(action) }
        try game.call(.reset)
        try game.step("\\boxed{E}")
        try game.call(.restore, try game.answer("save", [:]))
        try game.call(.sampleAction)
        try game.call(.reset)
        try game.call(.closed)
        await writer.close()
        let store = try folder.store()
        return try store.episodes().map { EpisodeLine.write($0, try store.steps(of: $0.id)) }
    }

    @Test func linesComeBackAsTheyWere() async throws {
        let folder = try TemporaryFolder()
        let lines = try await filled(folder)
        let store = try folder.store()
        #expect(lines.count == 3)
        for (line, episode) in zip(lines, try store.episodes()) {
            let (read, steps) = try EpisodeLine.read(line.span)
            let kept = try store.steps(of: episode.id)
            #expect(read == episode && steps == kept)
            try EpisodeLine.check(read, steps)
        }
    }

    /// In another file they have other numbers, and still go on from one another.
    @Test func importGivesNewNumbersAndKnowsWhatItHas() async throws {
        let folder = try TemporaryFolder()
        let lines = try await filled(folder)
        let target = try EpisodeStore(path: folder.path + "/target.db", access: .readWrite)
        for expected in [(added: 3, known: 0), (added: 0, known: 3)] {
            var adding = EpisodeImport(into: target)
            try target.transaction { () throws(RegistryError) in
                if expected.added > 0 { _ = try target.newID() }
                for line in lines {
                    guard let (episode, steps) = try? EpisodeLine.read(line.span) else { continue }
                    try adding.add(episode, steps)
                }
            }
            #expect(adding.added == expected.added && adding.known == expected.known)
        }
        #expect(
            try target.episodes().map { "\($0.id) \(short($0.start))" } == [
                "2 seed 9", "3 after 2 draws 0", "4 state reset draws 1",
            ])
        #expect(try target.steps(of: 2).map(\.action) == ["\\boxed{E}", "\\boxed{A}", "none at all"])

        // Without the one it goes on from.
        let other = try EpisodeStore(path: folder.path + "/other.db", access: .readWrite)
        var adding = EpisodeImport(into: other)
        let second = lines[1]
        let (episode, steps) = try EpisodeLine.read(second.span)
        try other.transaction { () throws(RegistryError) in try adding.add(episode, steps) }
        #expect(try other.episodes().map { short($0.start) } == ["after ? draws 0"])
    }

    /// What is put in the place of what, and what is said about it.
    @Test func whatIsWrongIsFound() async throws {
        let folder = try TemporaryFolder()
        let lines = try await filled(folder).map { String(decoding: $0, as: UTF8.self) }
        let hash = try #require(lines[0].firstMatch(of: /"hash":"(.)/)?.1)
        let cases: [(line: Int, old: String, new: String, fault: String)] = [
            (0, "{\"format\"", "{\"Format\"", "has no format"),
            (0, "rock-episode-1", "rock-episode-2", "is not of the format"),
            (0, "\"id\":1", "\"id\":0", "in the line id is not a whole number"),
            (0, "\"kwargs\":{", "\"kwargs\":[{", "is not JSON"),
            (0, "\"index\":0", "\"index\":1", "index is not a whole number from 0 to 0"),
            (0, "\"seed\":9", "\"seed\":-9", "in start seed is not"),
            (0, "\"seed\":9", "\"seed\":9,\"more\":1", "start has a member \"more\""),
            (1, "\"after\":1", "\"after\":2", "start is not an earlier episode"),
            (0, "\"start_time\":1", "\"start_time\":-1", "start_time is not"),
            (0, "\"ending\":\"ended\"", "\"ending\":\"won\"", "one of running, ended, left, cut"),
            (0, "\"ending\":\"ended\"", "\"ending\":\"left\"", "are not those of its steps"),
            (0, "\"length\":3", "\"length\":2", "are not those of its steps"),
            (0, "\"draws\":0,\"observation\"", "\"draws\":0.5,\"observation\"", "in step 1 draws is not"),
            (0, "\"reward\":-0.1", "\"reward\":0.9", "the hash of step 3 does not follow"),
            (
                0, "\"terminated\":false,\"truncated\":false,\"micro",
                "\"terminated\":true,\"truncated\":false,\"micro",
                "the hash of step 1 does not follow"
            ),
            (0, "\"hash\":\"\(hash)", "\"hash\":\"\(hash == "0" ? "1" : "0")", "the hash of step 1 does not follow"),
            (0, "\"hash\":\"\(hash)", "\"hash\":\"", "in step 1 hash is not a digest"),
        ]
        for (line, old, new, fault) in cases {
            var text = lines[line]
            let place = try #require(text.firstRange(of: old), "\(old) is not in \(text)")
            text.replaceSubrange(place, with: new)
            let bytes = Array(text.utf8)
            var found = ""
            do {
                let (episode, steps) = try EpisodeLine.read(bytes.span)
                try EpisodeLine.check(episode, steps)
            } catch { found = "\(error)" }
            #expect(found.contains(fault), "\(new): \(found)")
        }
    }

    @Test func queriesFindWhatTheyMean() async throws {
        let folder = try TemporaryFolder()
        _ = try await filled(folder)
        let store = try folder.store()
        let start = try #require(try store.episode(2)?.startTime)
        func ids(_ change: (inout EpisodeQuery) -> Void) throws -> [Int64] {
            var query = EpisodeQuery()
            change(&query)
            let found = try store.episodes(query).map(\.id)
            #expect(try store.count(query).episodes == found.count)
            return found
        }
        #expect(try ids { $0.environment = "game:Hang*" } == [1, 2, 3])
        #expect(try ids { $0.environment = "game:Hang" } == [])
        #expect(try ids { $0.since = start } == [2, 3])
        #expect(try ids { $0.until = start } == [1])
        #expect(try ids { $0.endings = [.ended] } == [1])
        #expect(try ids { ($0.behind, $0.before) = (1, 3) } == [2])
        #expect(try ids { ($0.environment, $0.maximumTotal, $0.before) = ("*", 0.9, 3) } == [1, 2])
        #expect(try ids { $0.minimumTotal = 5 } == [])
        #expect(try store.episodes(limit: 2, newestFirst: true).map(\.id) == [3, 2])
    }
}
