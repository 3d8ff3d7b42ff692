import GEM
import Testing

@testable import Envs

private let ids = BuiltInEnvironments.specs.map(\.id.description)

/// What holds for every environment, whatever its rules.
@Suite struct EveryEnvironmentTests {
    @Test(arguments: ids)
    func theSameSeedGivesTheSameEpisode(_ id: String) throws {
        var one = try Player(id, entropy: 1)
        var other = try Player(id, entropy: 2)
        try one.reset(77)
        try other.reset(5)  // what was played before a seeded reset does not matter
        other.step(other.sampleAction())
        try other.reset(77)
        #expect(one.text == other.text)
        for _ in 0..<5 {
            let action = one.sampleAction()
            #expect(other.sampleAction() == action)
            #expect(one.step(action) == other.step(action))
            #expect(one.text == other.text)
        }
    }

    @Test(arguments: ids)
    func unseededEpisodesFollowFromTheEntropy(_ id: String) throws {
        var one = try Player(id, entropy: 4)
        var same = try Player(id, entropy: 4)
        var other = try Player(id, entropy: 5)
        let texts = try (0..<2).map { _ in try one.reset(nil) }
        #expect(try (0..<2).map { _ in try same.reset(nil) } == texts)
        // Hanoi draws nothing, a fifteen puzzle of 2 × 2 cells has only two boards 100 moves away, and others show the
        // same in every episode but for the example.
        let constant = ["TowerofHanoi", "FifteenPuzzle-v0-easy", "Bandit-v0", "FrozenLake-v0", "FrozenLake-v0-8x8"]
        let isVaried = !constant.contains { id.hasSuffix($0) || id.contains($0 + "-v0-") }
        #expect(try (0..<2).map { _ in try other.reset(nil) } != texts || !isVaried)
        #expect(texts[0] != texts[1] || !isVaried)
    }

    @Test(arguments: ids)
    func aCopyIsAForkOfTheWholeEpisode(_ id: String) throws {
        var original = try Player(id)
        try original.reset(3)
        original.step(original.sampleAction())
        var fork = original
        let before = original.render(.text)
        fork.step(fork.sampleAction())
        fork.step(fork.sampleAction())
        #expect(original.render(.text) == before)
        original.step(original.sampleAction())
        original.step(original.sampleAction())
        #expect(original.render(.text) == fork.render(.text) && original.text == fork.text)
    }

    /// The original's samplers are unreadable for three games and missing for two.
    @Test(arguments: ids)
    func samplesAreReadable(_ id: String) throws {
        var player = try Player(id)
        for seed in 0..<3 as Range<Seed> {
            try player.reset(seed)
            for _ in 0..<10 {
                let action = player.sampleAction()
                let result = player.step(action)
                #expect(result.reward > -0.1, "\(action): \(player.text)")
                if result.terminated { break }
            }
        }
    }

    @Test(arguments: ids)
    func anObservationIsCompleteInItself(_ id: String) throws {
        let spec = try #require(BuiltInEnvironments.specs.first { $0.id.description == id })
        var player = try Player(id)
        let text = try player.reset(11)
        let limit = try #require(text.firstMatch(of: /Turn 1 of (\d+): answer with \\boxed\{.+\}\.$/)?.1)
        #expect(spec.maxTurns.map(String.init) ?? String(limit) == limit)
        #expect(player.observation.message.string.contains("within \(limit) turns") || text.contains("\(limit) turn"))
        #expect(player.observation.message.string.contains(/such as \\boxed\{[^}]+\}/))
        player.step(player.sampleAction())
        #expect(player.text.hasPrefix("Turn 1: "))
        #expect(player.text.contains("\nTurn 2 of \(limit): answer") || player.text.hasSuffix("\nThe episode is over."))
    }

    @Test(arguments: ids.filter { !$0.contains("WikiGame") })
    func unreadableTextCostsATenthAndEndsTheEpisode(_ id: String) throws {
        var fresh = try Player(id)
        try fresh.reset(1)
        for text in ["", "up", #"\boxed{}"#, #"\boxed{?}"#, #"\fbox{up}"#, #"\boxed{"#, "\u{0}", #"\boxed{ſ}"#, "{}"] {
            var player = fresh
            #expect(player.step(text) == StepResult(reward: -0.1, terminated: true, truncated: false), "\(text)")
            #expect(player.text.hasPrefix("Turn 1: no box") && player.text.hasSuffix("The episode is over."))
        }
    }

    /// Both flags at the limit, as in GEM, also with unreadable text on the last turn.
    @Test(arguments: ids.filter { $0.hasPrefix("game:") && !$0.hasSuffix("-random") && !$0.contains("WikiGame") })
    func theLimitSetsBothFlags(_ id: String) throws {
        var player = try Player(id, ["max_turns": .integer(1)])
        try player.reset(1)
        var fork = player
        let result = player.step(player.sampleAction())
        #expect(result.terminated && (result.truncated || result.reward == 1))
        #expect(fork.step("?") == StepResult(reward: -0.1, terminated: true, truncated: true))
    }

    /// As in Gymnasium the limit is no ending of the task; unless, as for the bandit, the task is to use the turns.
    @Test(arguments: ids.filter { $0.hasPrefix("rock:") })
    func theLimitOnlyCutsOff(_ id: String) throws {
        var player = try Player(id, ["max_turns": .integer(1)])
        try player.reset(1)
        var fork = player
        let result = player.step(player.sampleAction())
        #expect(result.terminated != result.truncated && !(result.truncated && id.contains("Bandit")))
        #expect(player.text.hasSuffix("\nThe episode is over."))
        #expect(fork.step("?") == StepResult(reward: -0.1, terminated: true))
    }

    /// Garbage of every kind is an action like any other: it may be unreadable, but it never crashes and always answers.
    @Test(arguments: ids)
    func survivesGarbage(_ id: String) throws {
        var twister = MersenneTwister(seed: 99)
        let pieces = [
            #"\boxed{"#, #"\BOXED{"#, "}", "{", " ", "\t", "\u{A0}", "\u{2003}", ",", "0", "1", "7",
            "99999999999999999999",
            "-1", "٣", "A", "b", "up", "left", "reveal", "flag", "é", "🧱", "\u{0}", "\n", "ABC", "[", "]", "1 2 3",
        ]
        var fresh = try Player(id)
        try fresh.reset(0)
        var player = fresh
        var endings = 0
        for _ in 0..<200 {
            let count = twister.between(0, 8)
            var text = (0..<count).map { _ in twister.pick(pieces) }.joined()
            if twister.below(2) == 0 { text = #"\boxed{"# + text + "}" }
            if player.step(text).terminated {
                endings += 1
                player = fresh
            }
            #expect(!player.observation.state.bytes.isEmpty)
        }
        #expect(endings > 5)
    }

    @Test(arguments: ids)
    func drawsInBothModes(_ id: String) throws {
        var player = try Player(id)
        try player.reset(2)
        for _ in 0..<4 { if player.step(player.sampleAction()).terminated { break } }
        let (plain, coloured) = (player.render(.text), player.render(.ansi))
        #expect(!plain.contains("\u{1B}") && plain.hasSuffix("\n") && plain.contains(/turn \d+\/\d+/))
        #expect(coloured.hasSuffix("\u{1B}[0m\n") && coloured.contains(/turn \d+\/\d+/))
    }

    /// Null means "draw it" wherever some id of the family draws; then the size overrules what else was asked for.
    @Test(arguments: ids)
    func takesNullWhereTheSpecSaysSo(_ id: String) throws {
        let spec = try #require(BuiltInEnvironments.specs.first { $0.id.description == id })
        for parameter in spec.parameters where parameter.isOptional {
            let isBounds = id.contains("GuessTheNumber-v0-") && !id.hasSuffix("random") && parameter.name == "max_turns"
            if isBounds { continue }  // an error: see ArgumentTests
            var player = try Player(id, [parameter.name: .null])
            #expect(try player.reset(8).contains("Turn 1 of "))
        }
    }
}
