import GEM
import Registry
import Testing

@testable import Episodes

/// What calls become in the file.
@Suite struct EpisodeTests {
    /// By the definition, with the registry's SHA-256 over bytes laid side by side.
    @Test func theRunningHashIsWhatItsDefinitionSays() throws {
        let digest = { (text: String) in SHA256.digest(text.utf8) }
        var hash = SHA256.digest([UInt8](repeating: 0, count: 32) + digest("begin") + [UInt8](repeating: 0, count: 9))
        var chain = EpisodeChain(first: EpisodeDigest(of: "begin"))
        #expect(chain.value.bytes == hash)
        for (reward, terminated, truncated) in [(0.5, false, false), (-0.1, true, false), (1.0, true, true)] {
            let bits = withUnsafeBytes(of: reward.bitPattern.littleEndian) { Array($0) }
            hash = SHA256.digest(hash + digest("Größe") + bits + [(terminated ? 1 : 0) | (truncated ? 2 : 0)])
            chain.add(
                observation: EpisodeDigest(of: "Größe"), reward: reward, terminated: terminated, truncated: truncated)
            #expect(chain.value.bytes == hash)
        }
        #expect(EpisodeDigest(hex: chain.value.description) == chain.value)
        #expect(EpisodeDigest(hex: chain.value.description.uppercased()) == nil && EpisodeDigest(bytes: [1]) == nil)
    }

    @Test func episodesAreWrittenAsTheyWerePlayed() async throws {
        let folder = try TemporaryFolder()
        let (writer, notices) = folder.writer()
        let game = try PlayedService(
            ["env_id": "game:Sokoban-v0-easy", "kwargs": ["max_turns": 7], "info": "full"], writer)
        let begun = try game.call(.reset, ["seed": 42])
        let first = try game.step("\\boxed{up}")
        for _ in 0..<2 { try game.call(.sampleAction) }
        try game.step("\\u0041 \\boxed{down} \u{1F600}\0")  // JSON writes some of it with escapes
        try game.call(.sampleAction)
        try game.call(.reset)
        try game.step("?")
        try game.call(.reset)
        try game.call(.lost)
        try game.call(.reset)
        let state = try game.answer("save", [:])
        try game.call(.restore, state)
        try game.call(.sampleAction)
        try game.step("\\boxed{up}")
        try game.call(.closed)
        await writer.close()
        #expect(notices.words == [] && writer.counts == (4, 4, 0))

        let store = try folder.store()
        let episodes = try store.episodes()
        #expect(
            episodes.map { "\($0.id) \(short($0.start)), \($0.steps) \($0.ending.rawValue)" } == [
                "1 seed 42, 2 left", "2 after 1 draws 1, 1 ended", "3 after 2 draws 0, 0 cut",
                "4 state draws 0, 1 left",
            ])
        let steps = try store.steps(of: 1)
        #expect(steps.map(\.action) == ["\\boxed{up}", "\\u0041 \\boxed{down} \u{1F600}\0"])
        #expect(steps.map(\.draws) == [0, 2])
        #expect(try store.steps(of: 4).map(\.draws) == [1])
        #expect(steps[0].observation == EpisodeDigest(of: first["observation"]?.string ?? ""))
        #expect(episodes[0].first == EpisodeDigest(of: begun["observation"]?.string ?? ""))
        #expect(episodes[3].first == EpisodeDigest(of: state["state"]?.string ?? ""))
        #expect(episodes[1].total == -0.1 && episodes[1].terminated && !episodes[1].truncated)
        #expect(episodes[0].making.kwargs == #"{"max_turns":7}"# && episodes[0].sandbox == "box")
        for episode in episodes { try EpisodeLine.check(episode, try store.steps(of: episode.id)) }
    }

    /// A bandit's episode has one turn, so that every second step of `next_step`, and every step of `same_step`, begins one.
    @Test(arguments: [
        (
            VectorEnvironment.Autoreset.nextStep,
            ["0 seed 5, 1 ended", "1 seed 6, 1 ended", "0 after 1 draws 1, 0 left", "1 after 2 draws 0, 1 ended"]
        ),
        (
            .sameStep,
            [
                "0 seed 5, 1 ended", "1 seed 6, 1 ended", "0 after 1 draws 0, 1 ended", "1 after 2 draws 0, 1 ended",
                "0 after 3 draws 0, 0 left", "1 after 4 draws 0, 1 ended", "1 after 6 draws 0, 0 left",
            ]
        ),
    ])
    func aVectorThatResetsItselfIsFollowed(autoreset: VectorEnvironment.Autoreset, expected: [String]) async throws {
        let folder = try TemporaryFolder()
        let (writer, _) = folder.writer()
        let arms = try PlayedService(
            ["env_id": "rock:Bandit-v0", "num_envs": 2, "autoreset": .string(autoreset.rawValue)], writer)
        try arms.call(.reset, ["seed": 5])
        let box: JSON = "\\boxed{A}"
        try arms.call(.step, ["actions": [box, box]])
        try arms.call(.sampleAction, ["indices": [0]])
        try arms.call(.step, ["actions": [box, box]])
        try arms.call(.step, ["actions": ["1": box]])
        try arms.call(.closed)
        await writer.close()
        let episodes = try folder.store().episodes()
        // In the second list of each kind the first environment's draw belongs to a step that was played.
        #expect(episodes.map { "\($0.index) \(short($0.start)), \($0.steps) \($0.ending.rawValue)" } == expected)
    }

    @Test func aStreamWithoutASeedIsGivenOne() throws {
        let cases: [(params: String, count: Int?, unseeded: Set<Int>, expected: String, seeded: [Int], all: Bool)] = [
            (#"{"sandbox_id":"a"}"#, nil, [0], #"{"sandbox_id":"a","seed":N}"#, [0], true),
            (#"{"sandbox_id":"a","seed":null}"#, nil, [0], #"{"sandbox_id":"a","seed":N}"#, [0], true),
            (#"{"sandbox_id":"a" }"#, nil, [], #"{"sandbox_id":"a" }"#, [], false),
            (#"{"seed":4 }"#, nil, [0], #"{"seed":4 }"#, [0], true),
            (#"{}"#, 2, [1], #"{"seed":[null,N]}"#, [1], false),
            (#"{"indices":[1],"seed":[7] }"#, 2, [0, 1], #"{"indices":[1],"seed":[7] }"#, [1], false),
            (#"{"seed":"x" }"#, nil, [0], #"{"seed":"x" }"#, [], false),
            (#"{"seed":4294967295 }"#, 2, [0], #"{"seed":4294967295 }"#, [], false),
        ]
        for (params, count, unseeded, expected, seeded, all) in cases {
            let reset = SeededReset(Array(params.utf8), count: count, unseeded: unseeded)
            let text = String(decoding: reset.params, as: UTF8.self)
            #expect(
                text.replacing(/"seed":(\[null,)?\d{5,10}(?!\d* )/, with: { "\"seed\":\($0.1 ?? "")N" }) == expected)
            #expect(reset.seeded == seeded && reset.seedsAll == all, "\(params)")
        }
    }

    /// What a sandbox answers may be anything that is JSON.
    @Test(arguments: [
        #"{}"#, #"[]"#, #"{"observation":1,"reward":0,"terminated":false,"truncated":false,"info":{}}"#,
        #"{"observation":"","reward":"1","terminated":false,"truncated":false,"info":{}}"#,
        #"{"observation":"","reward":1e999,"terminated":false,"truncated":false,"info":{}}"#,
        #"{"observation":"","reward":1,"terminated":0,"truncated":false,"info":{}}"#,
        #"{"observation":["a"],"reward":[1],"terminated":[false],"truncated":[false],"info":[{}]}"#,
    ])
    func whatIsNoAnswerEndsTheRecord(answer: String) async throws {
        let folder = try TemporaryFolder()
        let (writer, _) = folder.writer()
        let game = try PlayedService(["env_id": "rock:Bandit-v0"], writer)
        try game.call(.reset, ["seed": 5])
        let params = Array(#"{"action":"x"}"#.utf8)
        writer.submit(RecordedCall(.step, params: params, result: Array(answer.utf8)[...]), of: game.recording)
        await writer.close()
        let store = try folder.store()
        #expect(try store.episodes().map(\.ending) == [.cut])
        #expect(try store.steps(of: 1) == [])
        #expect(game.recording.isLost)
    }
}
