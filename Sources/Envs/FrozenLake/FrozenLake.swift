import GEM

/// Cross a frozen lake to the goal without falling into a hole.
///
/// - Action: `\boxed{left}`, `down`, `right` or `up`, in any case of letters.
/// - Board: one line per row, cells joined by blanks: `S` start, `F` ice, `H` hole, `G` goal, `P` player.
/// - Rewards: 1 for reaching the goal; otherwise 0.
/// - Endings: the goal, a hole, unreadable text; the turn limit cuts the episode off (`truncated` alone).
/// - Info: `position`, the player's cell in reading order from 0, which is Gymnasium's observation.
/// - Source: Gymnasium's FrozenLake-v1, whose generator and draws are kept: the same seed and moves give the same episode.
struct FrozenLake: Game {
    var episode: Episode

    private let setup: Setup
    private(set) var lake = Lake.small
    private(set) var player = 0
    private var example = Direction.right
    /// Gymnasium's generator. It draws the slips and, where maps are generated, the map before them; what a client samples
    /// comes from the episode's own stream and so never changes a slip.
    private var ice: PCG64

    /// What every reset starts from.
    struct Setup {
        var terrain: Terrain
        var isSlippery: Bool
    }

    /// Where the map comes from.
    enum Terrain {
        case fixed(Lake)
        /// Drawn at every reset.
        case generated(size: Int, icePercent: Int)
    }

    init(setup: Setup, maxTurns: Int, entropy: UInt64) {
        self.setup = setup
        episode = Episode(entropy: entropy, maxTurns: maxTurns)
        ice = PCG64(seed: entropy)
    }

    static var limitTerminates: Bool { false }

    mutating func begin(seed: Seed?) throws(Failure) {
        if let seed { ice = PCG64(seed: UInt64(seed)) }
        switch setup.terrain {
        case .fixed(let map): lake = map
        case .generated(let size, let percent):
            guard let map = Lake(size: size, icePercent: percent, from: &ice) else {
                throw Failure(
                    .envFailed,
                    "None of 10,000 lakes of \(size) × \(size) cells can be crossed. "
                        + "Reset again, or make the environment with a larger ice_percent or a smaller size.")
            }
            lake = map
        }
        // Gymnasium draws the start among all starts, of which there is one.
        _ = ice.unit()
        player = 0
        example = episode.stream.pick(Direction.allCases)
    }

    func read(_ action: Action) -> Direction? { Direction.boxed(in: action, ignoringCase: true) }

    mutating func play(_ move: Direction, message: inout Text) -> Play {
        let direction = slide(move)
        let next = lake.neighbour(of: player, direction)
        if direction == move {
            message.append(next == player ? "you tried to go " : "you went ")
            message.append(move.word)
        } else {
            message.append("you tried to go ")
            message.append(move.word)
            message.append(" and slipped ")
            message.append(direction.word)
        }
        if next == player { message.append(", where the lake ends, so you stay where you are") }
        player = next
        switch lake.cells[next] {
        case Lake.Cell.hole:
            message.append(" into a hole. That is the end.")
            return Play(ends: true)
        case Lake.Cell.goal:
            message.append(" to the goal: solved.")
            return Play(reward: 1, ends: true)
        default:
            message.append(".")
            return .nothing
        }
    }

    /// The way a move takes: a third of the moves on slippery ice go as meant, a third to either side of it.
    private mutating func slide(_ move: Direction) -> Direction {
        let draw = ice.unit()  // drawn on firm ice, too
        guard setup.isSlippery else { return move }
        let aside = (1 - 1.0 / 3) / 2  // not quite a third: the sums below are those that Gymnasium compares with
        let place = Self.round.firstIndex(of: move) ?? 0
        let turn = draw < aside ? 3 : draw < aside + 1.0 / 3 ? 0 : 1
        return Self.round[(place + turn) % 4]
    }

    /// Gymnasium's actions 0 to 3; on slippery ice the neighbours in this circle happen, too.
    private static let round: [Direction] = [.left, .down, .right, .up]

    func write(to info: inout Info) { info.add("position", player) }

    mutating func sampleAction(into text: inout Text) { text.append(boxed: episode.stream.pick(Direction.allCases)) }
}

extension FrozenLake {
    static let specs = [
        spec(nil, map: "4x4", maxTurns: 100), spec("8x8", map: "8x8", maxTurns: 200),
        spec("random", map: nil, maxTurns: 200),
    ]

    private static func spec(_ variant: String?, map: String?, maxTurns: Int) -> EnvironmentSpec {
        .rock(
            "FrozenLake", variant, summary: "Cross a frozen lake without falling into a hole.",
            actionGrammar: #"\boxed{left|down|right|up}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter(
                    "map_name", .choice(["4x4", "8x8"]), default: map.map { .choice($0) } ?? .null, isOptional: true,
                    summary: "One of Gymnasium's two maps; null generates one at every reset."),
                Parameter(
                    "is_slippery", .boolean, default: .boolean(true),
                    summary: "Whether two moves in three slip to one side or the other."),
                Parameter(
                    "size", .integer(2...16), default: .integer(8), summary: "Rows and columns of a generated map."),
                Parameter(
                    "ice_percent", .integer(60...100), default: .integer(80),
                    summary: "How likely a cell of a generated map is to be ice and no hole."),
            ]
        ) { arguments, entropy in
            let terrain: Terrain =
                switch arguments.choice("map_name") {
                case "4x4": .fixed(.small)
                case "8x8": .fixed(.large)
                default:
                    .generated(
                        size: arguments.integer("size") ?? 8, icePercent: arguments.integer("ice_percent") ?? 80)
                }
            return FrozenLake(
                setup: Setup(terrain: terrain, isSlippery: arguments.boolean("is_slippery") ?? true),
                maxTurns: arguments.integer("max_turns") ?? maxTurns, entropy: entropy)
        }
    }

    /// Whether moves may slip, for the instructions.
    var isSlippery: Bool { setup.isSlippery }
    /// A direction for the instructions, drawn at the reset.
    var suggestion: Direction { example }
}

extension FrozenLake {
    mutating func codeGenerators(_ state: inout StateCoder) throws(Failure) {
        try episode.stream.code(&state)
        try ice.code(&state)
    }

    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        switch setup.terrain {
        case .fixed(let map): lake = map
        case .generated(let size, _):
            var holes = lake.cells.count == size * size ? lake.holes : Array(repeating: false, count: size * size)
            try state.bits(&holes)
            if state.isReading {
                guard let map = Lake(size: size, holes: holes) else { throw .damagedState }
                lake = map
            }
        }
        try state.index(&player, below: lake.cells.count)
        try state.choice(&example)
    }
}
