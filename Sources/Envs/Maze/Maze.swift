import GEM

/// Find the shortest way out of a maze that is seen from above.
///
/// - Action: `\boxed{up}`, `down`, `left` or `right`, in any case of letters.
/// - Board: one line per row, cells joined by blanks: `#` wall, `_` floor, `E` exit, `P` player.
/// - Rewards: at the exit the fewest moves that could have led there / turns played, so 1 for a shortest way; otherwise 0.
/// - Endings: the exit, unreadable text; the turn limit cuts the episode off (`truncated` alone).
/// - Info: `difficulty`, `optimal_length` (fewest moves from the start), `distance` (fewest moves from here).
/// - Source: our own. A walk carves the maze, a breadth-first search finds its distances.
struct Maze: Game {
    /// What the dial goes up to.
    static let hardest = 20

    var episode: Episode

    private let setup: Setup
    /// Where the stream stood when this level was begun.
    private var origin = MersenneTwister(seed: 0)
    private(set) var difficulty = 1
    private(set) var level = MazeLevel()
    private(set) var player = 0
    /// The cells that the player has been on, for people.
    private(set) var visited: Set<Int> = []
    private(set) var example = Direction.up

    /// What every reset starts from.
    struct Setup {
        /// `nil` where each reset draws it from 1 to 10.
        var difficulty: Int?
        var loopPercent: Int
        /// `nil` for four times the shortest way.
        var maxTurns: Int?
    }

    init(setup: Setup, entropy: UInt64) {
        self.setup = setup
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    static var limitTerminates: Bool { false }

    mutating func begin(seed: Seed?) {
        origin = episode.stream.rolledUp
        difficulty = setup.difficulty ?? episode.stream.between(1, 10)
        level = MazeLevel(difficulty: difficulty, loopPercent: setup.loopPercent, from: &episode.stream)
        episode.maxTurns = setup.maxTurns ?? 4 * level.shortest
        player = level.start
        visited = [player]
        example = episode.stream.pick(Direction.allCases)
    }

    func read(_ action: Action) -> Direction? { Direction.boxed(in: action, ignoringCase: true) }

    mutating func play(_ move: Direction, message: inout Text) -> Play {
        let ahead = level.neighbour(of: player, move)
        guard level.distances[ahead] != MazeLevel.wall else {
            message.append("a wall blocks the way ")
            message.append(move.word)
            message.append(", so you stay where you are.")
            return .nothing
        }
        player = ahead
        visited.insert(player)
        message.append("you moved ")
        message.append(move.word)
        guard player == level.exit else {
            message.append(".")
            return .nothing
        }
        message.append(" to the exit. The shortest way has ")
        message.append(level.shortest)
        message.append(" moves.")
        return Play(reward: Double(level.shortest) / Double(episode.turn), ends: true)
    }

    func write(to info: inout Info) {
        info.add("difficulty", difficulty)
        info.add("optimal_length", level.shortest)
        info.add("distance", Int(level.distances[player]))
    }

    mutating func sampleAction(into text: inout Text) { text.append(boxed: episode.stream.pick(Direction.allCases)) }
}

extension Maze {
    static let specs = [spec("easy", difficulty: 2), spec("hard", difficulty: 8), spec("random", difficulty: nil)]

    private static func spec(_ variant: String, difficulty: Int?) -> EnvironmentSpec {
        .rock(
            "Maze", variant, summary: "Find the shortest way out of a maze.",
            actionGrammar: #"\boxed{up|down|left|right}"#, rewardRange: -0.1...1, maxTurns: nil,
            parameters: [
                Parameter(
                    "difficulty", .integer(1...hardest), default: .of(difficulty), isOptional: true,
                    summary:
                        "The dial: the shortest way has 4 · (difficulty + 1) moves; null draws 1 to 10 at every reset."
                ),
                Parameter(
                    "loop_percent", .integer(0...100), default: .integer(10),
                    summary: "How many of the walls that a maze without loops has are opened."),
            ]
        ) { arguments, entropy in
            Maze(
                setup: Setup(
                    difficulty: arguments.integer("difficulty"), loopPercent: arguments.integer("loop_percent") ?? 10,
                    maxTurns: arguments.integer("max_turns")),
                entropy: entropy)
        }
    }
}

extension Maze {
    /// The level is drawn again from where the stream stood; only the walk through it is carried.
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try origin.code(&state)
        if state.isReading {
            let episode = episode
            self.episode.stream = origin
            begin(seed: nil)
            self.episode = episode
        }
        try state.index(&player, below: level.distances.count)
        try state.check(level.distances[player] != MazeLevel.wall)
        var trail = level.distances.indices.map { visited.contains($0) }
        try state.bits(&trail)
        if state.isReading { visited = Set(trail.indices.filter { trail[$0] }) }
    }
}
