import GEM
import Testing

@testable import Envs

@Suite struct BanditTests {
    private func chances(_ player: Player) throws -> [Int] { try #require(player.environment as? Bandit).chances }

    /// 2,000 episodes per arm of a bandit with three arms, within four standard deviations at most.
    @Test func armsPayAsOftenAsTheirChancesSay() throws {
        var player = try Player("rock:Bandit-v0", ["num_arms": .integer(3)])
        try player.reset(1)
        let chances = try chances(player)
        for (arm, letter) in ["A", "b", "C"].enumerated() {
            var paid = 0.0
            for _ in 0..<2000 {
                try player.reset(nil)
                let result = player.step(#"\boxed{\#(letter)}"#)
                #expect([0, 1].contains(result.reward) && result.terminated && !result.truncated)
                paid += result.reward
            }
            #expect(abs(paid / 2000 - Double(chances[arm]) / 100) < 0.045, "\(letter): \(paid) of \(chances)")
        }
    }

    @Test func anInstanceKeepsItsChancesAndNullDrawsThem() throws {
        var fixed = try Player("rock:Bandit-v0")
        var other = try Player("rock:Bandit-v0", ["instance": .integer(1)])
        var drawn = try Player("rock:Bandit-v0", ["instance": .null])
        var sets: [[[Int]]] = [[], [], []]
        for seed in 0..<5 as Range<Seed> {
            try fixed.reset(seed)
            try other.reset(seed)
            try drawn.reset(seed)
            for (index, player) in [fixed, other, drawn].enumerated() { sets[index].append(try chances(player)) }
        }
        #expect(sets.map { Set($0).count } == [1, 1, 5] && sets[0] != sets[1])
        #expect(sets.joined().allSatisfy { Set($0).count == 10 && $0.allSatisfy { 0...100 ~= $0 } })
        #expect(fixed.text.contains("\nA B C D E F G H I J\n") && !fixed.text.contains("%"))
    }

    @Test func theBestArmCanBeReadWhereChancesShow() throws {
        var player = try Player("rock:Bandit-v0-shown", ["is_noisy": .boolean(false), "max_turns": .integer(3)])
        let text = try player.reset(3)
        let lines = text.matches(of: /\n([A-J]) +(\d+)%/).map { ($0.1, Int($0.2) ?? -1) }
        #expect(lines.map(\.1) == (try chances(player)))
        let best = try #require(lines.max { $0.1 < $1.1 })
        let share = Double(best.1) / 100
        #expect(player.observation.info.json == Array(#""best_chance":\#(share)"#.utf8))
        #expect(player.step(#"\boxed{\#(best.0)}"#) == StepResult(reward: share))
        #expect(player.observation.info.json == Array(#""best_chance":\#(share),"chance":\#(share)"#.utf8))
        #expect(player.step(#"\boxed{Z}"#) == StepResult(reward: 0))
        #expect(player.text.contains("there is no arm Z"))
        #expect(player.observation.info.json == Array(#""best_chance":\#(share),"chance":0.0"#.utf8))
        #expect(player.step(#"\boxed{\#(best.0)}"#) == StepResult(reward: share, terminated: true))
    }
}
