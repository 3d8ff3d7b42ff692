import GEM

/// Slide tiles together until one reaches the target.
///
/// - Action: `\boxed{up}`, `down`, `left` or `right`, in any case of letters.
/// - Board: one line per row, cells right-aligned to four and joined by one blank, `.` for an empty cell.
/// - Rewards: every doubling of the largest tile pays its share of the way from the first largest tile to the target; the
///   whole way adds up to 1.
/// - Endings: the target is reached, no move is possible, the turn limit, unreadable text.
/// - Source: GEM's Game2048, after TextArena. The targets of `hard` and `extreme-hard` cannot be reached within their turn
///   limits; the rewards on the way can.
struct Game2048: Game {
    var episode: Episode

    private let size: Int
    private let fixed: (target: UInt8, maxTurns: Int)?
    /// The tiles row by row, each as the exponent of its power of two; 0 is an empty cell.
    private(set) var tiles: [UInt8]
    /// Exponents, too.
    private(set) var target: UInt8 = 0
    private var first: UInt8 = 0
    private var best: UInt8 = 0
    private var example = Direction.up

    /// A game of `size` × `size` cells for a `fixed` target, or for one drawn at every reset.
    init(size: Int, fixed: (target: UInt8, maxTurns: Int)?, entropy: UInt64) {
        self.size = size
        self.fixed = fixed
        tiles = Array(repeating: 0, count: size * size)
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    /// Cells a side.
    var side: Int { size }

    mutating func begin(seed: Seed?) {
        (target, episode.maxTurns) = fixed ?? episode.stream.pick([(4, 20), (5, 30), (6, 50)])
        for cell in tiles.indices { tiles[cell] = 0 }
        addTile()
        addTile()
        first = tiles.max() ?? 0
        best = first
        example = Direction.allCases[episode.stream.below(4)]
    }

    private mutating func addTile() {
        var place = episode.stream.below(tiles.count { $0 == 0 })
        for cell in tiles.indices where tiles[cell] == 0 {
            if place == 0 {
                tiles[cell] = episode.stream.unit() < 0.9 ? 1 : 2
                return
            }
            place -= 1
        }
    }

    func read(_ action: Action) -> Direction? { Direction.boxed(in: action, ignoringCase: true) }

    mutating func play(_ move: Direction, message: inout Text) -> Play {
        guard slide(move) else {
            message.append("nothing can slide ")
            message.append(move.word)
            message.append(", so the board stays as it is.")
            return .nothing
        }
        message.append("the tiles slid ")
        message.append(move.word)
        message.append(".")
        var play = Play()
        let top = min(tiles.max() ?? 0, target)
        if top > best {
            play.reward = Double(top - best) / Double(target - first)
            best = top
            message.append(" Your largest tile is now ")
            message.append(1 << Int(top))
            message.append(".")
        }
        addTile()
        if best >= target {
            message.append(" That is the target: solved.")
            play.ends = true
        } else if !canMove {
            message.append(" No move is left.")
            play.ends = true
        }
        return play
    }

    /// Slides and merges every line towards one side; false where nothing changed.
    private mutating func slide(_ move: Direction) -> Bool {
        let (start, step, across): (Int, Int, Int) =
            switch move {
            case .up: (0, size, 1)
            case .down: (size * (size - 1), -size, 1)
            case .left: (0, 1, size)
            case .right: (size - 1, -1, size)
            }
        var changed = false
        for line in 0..<size where slideLine(from: start + line * across, step: step) { changed = true }
        return changed
    }

    private mutating func slideLine(from start: Int, step: Int) -> Bool {
        var changed = false
        var free = start  // where the next tile comes to rest
        var mayMerge = false  // whether the tile before `free` is still unmerged
        var cell = start
        for _ in 0..<size {
            let tile = tiles[cell]
            if tile != 0 {
                if mayMerge, tiles[free - step] == tile {
                    tiles[free - step] += 1
                    tiles[cell] = 0
                    mayMerge = false
                    changed = true
                } else {
                    if cell != free {
                        tiles[free] = tile
                        tiles[cell] = 0
                        changed = true
                    }
                    free += step
                    mayMerge = true
                }
            }
            cell += step
        }
        return changed
    }

    private var canMove: Bool {
        for cell in tiles.indices {
            if tiles[cell] == 0 { return true }
            if cell % size < size - 1, tiles[cell + 1] == tiles[cell] { return true }
            if cell + size < tiles.count, tiles[cell + size] == tiles[cell] { return true }
        }
        return false
    }

    mutating func sampleAction(into text: inout Text) { text.append(boxed: episode.stream.pick(Direction.allCases)) }
}

extension Game2048 {
    static let specs = [
        spec("easy", 64, 50), spec("hard", 512, 50), spec("extreme-hard", 2048, 100), spec("random", nil, nil),
    ]

    private static func spec(_ variant: String, _ target: Int?, _ maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "Game2048", variant, summary: "Slide tiles together until one reaches the target.",
            actionGrammar: #"\boxed{up|down|left|right}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter(
                    "target_tile", .integer(8...65_536), default: .of(target), isOptional: true,
                    summary: "The tile to reach, a power of two."),
                Parameter("board_size", .integer(2...8), default: .integer(4), summary: "Cells a side."),
            ]
        ) { arguments, entropy throws(Failure) in
            let size = arguments.integer("board_size") ?? 4
            guard let target = arguments.integer("target_tile"), let maxTurns = arguments.integer("max_turns") else {
                return Game2048(size: size, fixed: nil, entropy: entropy)
            }
            guard target.nonzeroBitCount == 1 else {
                throw .impossible("target_tile \(target) is no power of two; take one, such as 64.")
            }
            return Game2048(
                size: size, fixed: (UInt8(target.trailingZeroBitCount), maxTurns), entropy: entropy)
        }
    }
}

extension Game2048 {
    func writeInstructions(into text: inout Text) {
        text.append("Slide the tiles until one of them shows ")
        text.append(1 << Int(target))
        text.append(". You have ")
        text.append(episode.maxTurns)
        text.append(
            """
             turns.
            A move pushes all tiles up, down, left or right as far as they go. Two equal tiles that meet become one of twice \
            the number, once a move; then a new tile, 2 or 4, appears on an empty cell (shown as a dot).
            Write your move in a box, such as 
            """)
        text.append(boxed: example)
        text.append(". The last box in your answer counts.")
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{up|down|left|right}"#) }
}

extension Game2048 {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try state.byte(&target, in: 3...16)
        try state.byte(&first, in: 1...2)
        try state.byte(&best, in: first...target)
        try state.bytes(&tiles, counts: size * size...size * size, in: 0...17)
        try state.choice(&example)
    }
}
