import GEM
import Testing

@testable import Envs

private let ids = BuiltInEnvironments.specs.map(\.id.description)

extension Player {
    /// The fields of the environment's state.
    fileprivate func saved(hasEpisode: Bool = true) throws -> [UInt8] {
        var copy = environment
        var coder = StateCoder()
        try copy.code(&coder, hasEpisode: hasEpisode)
        return coder.bytes
    }

    /// Reads `fields`; on failure the environment must not be used.
    fileprivate mutating func restore(_ fields: [UInt8], hasEpisode: Bool = true) throws {
        var coder = StateCoder(reading: fields)
        try environment.code(&coder, hasEpisode: hasEpisode)
        try coder.finish()
    }
}

@Suite struct StateTests {
    /// Plays both for some episodes and looks for the first difference.
    private func difference(_ one: inout Player, _ other: inout Player, steps: Int) throws -> String? {
        for step in 0..<steps {
            let action = one.sampleAction()
            guard other.sampleAction() == action else { return "step \(step): another sample than \(action)" }
            let results = (one.step(action), other.step(action))
            guard results.0 == results.1, one.observation == other.observation, one.render(.ansi) == other.render(.ansi)
            else { return "step \(step), \(action): \(one.text)\n\(other.text)" }
            if results.0.terminated || results.0.truncated {
                guard try one.reset(nil) == other.reset(nil) else { return "step \(step): another episode" }
            }
        }
        return nil
    }

    /// In mid-episode, in later episodes of one stream, and with streams too old to be drawn again.
    @Test(arguments: ids, [0, 3, 12_000])
    func goesOnWhereItWasSaved(_ id: String, _ draws: Int) throws {
        var original = try Player(id, entropy: 1)
        try original.reset(5)
        if draws > 100 {
            for _ in 0..<draws { _ = original.sampleAction() }
            try original.reset(nil)
        }
        for _ in 0..<min(draws, 3) {
            let result = original.step(original.sampleAction())
            if result.terminated || result.truncated { try original.reset(nil) }
        }
        let fields = try original.saved()
        var restored = try Player(id, entropy: 2)
        try restored.restore(fields)
        #expect(try restored.saved() == fields)
        #expect(restored.render(.text) == original.render(.text))
        #expect(fields.count < (draws > 100 ? 6000 : 400), "\(fields.count) bytes")
        #expect(try difference(&original, &restored, steps: 12) == nil)
    }

    /// Over what was there before, too; and before the first reset, when there is nothing but generators.
    @Test(arguments: ids)
    func replacesWhatWasThere(_ id: String) throws {
        var fresh = try Player(id, entropy: 3)
        var played = try Player(id, entropy: 4)
        try played.reset(9)
        played.step(played.sampleAction())
        var other = played
        try other.restore(fresh.saved(hasEpisode: false), hasEpisode: false)
        #expect(try other.reset(nil) == fresh.reset(nil))
        try other.restore(played.saved())
        #expect(try difference(&played, &other, steps: 4) == nil)
    }

    /// Damaged fields are refused, or lead to an episode that can be played, drawn, saved and restored like any other.
    @Test(arguments: ids)
    func survivesDamagedFields(_ id: String) throws {
        var twister = MersenneTwister(seed: 7)
        var player = try Player(id)
        try player.reset(2)
        player.step(player.sampleAction())
        let fields = try player.saved()
        let fresh = try Player(id, entropy: 8)
        for cut in [0, 1, fields.count / 2, fields.count - 1] {
            var other = fresh
            #expect(throws: Failure.damagedState) { try other.restore(Array(fields[..<cut])) }
        }
        var refused = 0
        for _ in 0..<150 {
            var damaged = fields
            for _ in 0...twister.below(3) {
                damaged[twister.below(damaged.count)] = UInt8(truncatingIfNeeded: twister.u32())
            }
            var other = fresh
            do { try other.restore(damaged) } catch {
                #expect((error as? Failure)?.kind == .invalidState)
                refused += 1
                continue
            }
            for _ in 0..<4 {
                let action = other.sampleAction()
                #expect(action.hasPrefix(#"\boxed{"#))
                let result = other.step(action)
                #expect(result.reward.isFinite)
                _ = other.render(.ansi)
                if result.terminated || result.truncated { break }
            }
            var again = fresh
            try again.restore(other.saved())
            #expect(try again.reset(nil) == other.reset(nil))
        }
        // Where nearly every byte is a free choice, as of a generator, much of the damage means something else.
        #expect(refused > 0)
    }
}
