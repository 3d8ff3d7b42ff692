import GEM

/// Choose the arm that pays best: an episode of one turn, for smoke tests and first curves.
///
/// - Action: `\boxed{C}`: the letter of an arm, upper or lower case.
/// - Board: the arms; where chances are shown, a line each: `C  47%`.
/// - Rewards: an arm pays 1 as often as its chance says, otherwise 0; without noise it pays the chance itself.
/// - Endings: the turn limit, one turn unless the caller wants more; it is the end of the task (`terminated`). Unreadable
///   text.
/// - Info: `best_chance`, and after a turn `chance`, that of the arm that was chosen; their difference is the regret.
struct Bandit: Game {
    var episode: Episode

    private let setup: Setup
    /// The chances of the instance; `nil` where each reset draws them.
    private let fixed: [Int]?
    /// The chance of each arm in hundredths, no two alike.
    private(set) var chances: [Int] = []
    /// The arm that was chosen last.
    private(set) var choice: Int?
    private(set) var example = 0

    /// What every reset starts from.
    struct Setup {
        var arms: Int
        /// Names the chances; `nil` where each reset draws them.
        var instance: Int?
        var showsChances: Bool
        var isNoisy: Bool
    }

    init(setup: Setup, maxTurns: Int, entropy: UInt64) {
        self.setup = setup
        fixed = setup.instance.map { instance in
            var deal = MersenneTwister(seed: UInt64(instance))
            return deal.sample(setup.arms, below: 101)
        }
        episode = Episode(entropy: entropy, maxTurns: maxTurns)
    }

    /// Never asked: every arm ends the episode on the last turn.
    static var limitTerminates: Bool { false }

    mutating func begin(seed: Seed?) {
        chances = fixed ?? episode.stream.sample(setup.arms, below: 101)
        choice = nil
        example = episode.stream.below(setup.arms)
    }

    func read(_ action: Action) -> Int? {
        BoxedAction.last(in: action) { text, cursor in
            cursor.letter(in: text).map { Int($0 | 0x20) - 0x61 }
        }
    }

    mutating func play(_ arm: Int, message: inout Text) -> Play {
        let isLast = episode.turn >= episode.maxTurns
        guard arm < setup.arms else {
            choice = nil
            message.append("there is no arm ")
            append(arm: arm, to: &message)
            message.append(", so nothing was paid.")
            return Play(ends: isLast)
        }
        choice = arm
        // Drawn without noise, too, so that the stream does not depend on it.
        let isLucky = episode.stream.below(100) < chances[arm]
        let reward = setup.isNoisy ? (isLucky ? 1 : 0) : Double(chances[arm]) / 100
        message.append("arm ")
        append(arm: arm, to: &message)
        message.append(" paid ")
        message.append(string: setup.isNoisy ? (isLucky ? "1" : "nothing") : "\(reward)")
        message.append(".")
        return Play(reward: reward, ends: isLast)
    }

    func write(to info: inout Info) {
        info.add("best_chance", Double(chances.max() ?? 0) / 100)
        if episode.turn > 0 { info.add("chance", Double(choice.map { chances[$0] } ?? 0) / 100) }
    }

    mutating func sampleAction(into text: inout Text) {
        text.append(#"\boxed{"#)
        append(arm: episode.stream.below(setup.arms), to: &text)
        text.append("}")
    }

    func append(arm: Int, to text: inout Text) { text.append(ascii: UInt8(ascii: "A") + UInt8(arm)) }

    /// Whether the agent sees the chances.
    var showsChances: Bool { setup.showsChances }
    /// Whether an arm pays all or nothing.
    var isNoisy: Bool { setup.isNoisy }
}

extension Bandit {
    static let specs = [spec(nil, instance: 0, showsChances: false), spec("shown", instance: nil, showsChances: true)]

    private static func spec(_ variant: String?, instance: Int?, showsChances: Bool) -> EnvironmentSpec {
        .rock(
            "Bandit", variant, summary: "Choose the arm that pays best.", actionGrammar: #"\boxed{letter}"#,
            rewardRange: -0.1...1, maxTurns: 1,
            parameters: [
                Parameter("num_arms", .integer(2...26), default: .integer(10), summary: "Arms, lettered from A."),
                Parameter(
                    "instance", .integer(0...2_147_483_647), default: .of(instance), isOptional: true,
                    summary: "Which set of chances holds in every episode; null draws one at every reset."),
                Parameter(
                    "show_chances", .boolean, default: .boolean(showsChances),
                    summary: "Whether the agent reads the chances or has to learn them over many episodes."),
                Parameter(
                    "is_noisy", .boolean, default: .boolean(true),
                    summary: "Whether an arm pays 1 or 0 by chance; otherwise it pays the chance itself."),
            ]
        ) { arguments, entropy in
            Bandit(
                setup: Setup(
                    arms: arguments.integer("num_arms") ?? 10, instance: arguments.integer("instance"),
                    showsChances: arguments.boolean("show_chances") ?? showsChances,
                    isNoisy: arguments.boolean("is_noisy") ?? true),
                maxTurns: arguments.integer("max_turns") ?? 1, entropy: entropy)
        }
    }
}

extension Bandit {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        let count = setup.arms
        if let fixed {
            chances = fixed
        } else {
            try state.list(&chances, counts: count...count, like: 0) { (state, chance) throws(Failure) in
                try state.integer(&chance, in: 0...100)
            }
        }
        var chosen = choice ?? count  // one beyond the last arm for none
        try state.integer(&chosen, in: 0...count)
        choice = chosen == count ? nil : chosen
        try state.index(&example, below: count)
    }
}
