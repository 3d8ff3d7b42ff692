import GEM

/// Slide numbered tiles into order, the hole last.
///
/// - Action: `\boxed{up}`, `down`, `left` or `right` in lower case: the way in which a tile slides into the hole.
/// - Board: one line per row, numbers right-aligned to two and joined by one blank, `__` for the hole.
/// - Rewards: 1 for the solved board; at the turn limit the share of cells, hole included, that are right; otherwise 0.
/// - Endings: a move leads to the solved board, the turn limit, unreadable text.
/// - Source: GEM's FifteenPuzzle, after TextArena. `init_algo` chooses how boards are made: `monte_carlo` (random moves from
///   the solved board), `pure_random` (a shuffle made solvable), `shuffle` (release 0.1.0's; half cannot be solved).
struct FifteenPuzzle: Game {
    var episode: Episode

    /// How a board is made.
    enum Shuffle: String, CaseIterable {
        case monteCarlo = "monte_carlo"
        case pureRandom = "pure_random"
        case shuffle
    }

    private let fixed: (rows: Int, maxTurns: Int)?
    private let shuffle: Shuffle
    private let randomMoves: Int
    private(set) var side = 0
    /// Tiles row by row; 0 is the hole.
    private(set) var tiles: [UInt8] = []
    private var hole = 0

    /// A puzzle of `fixed` size, or of a size drawn at every reset, after `randomMoves` moves in the way of `monte_carlo`.
    init(fixed: (rows: Int, maxTurns: Int)?, shuffle: Shuffle, randomMoves: Int, entropy: UInt64) {
        self.fixed = fixed
        self.shuffle = shuffle
        self.randomMoves = randomMoves
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    mutating func begin(seed: Seed?) {
        (side, episode.maxTurns) = fixed ?? episode.stream.pick([(2, 10), (3, 20), (4, 50)])
        tiles = (1...UInt8(side * side)).map { $0 % UInt8(side * side) }
        switch shuffle {
        case .monteCarlo: moveAtRandom()
        case .pureRandom: mixSolvably()
        case .shuffle: episode.stream.mix(&tiles)
        }
        hole = tiles.firstIndex(of: 0) ?? 0
    }

    private mutating func moveAtRandom() {
        hole = tiles.count - 1
        var last: Direction?
        for _ in 0..<randomMoves {
            let legal = Direction.allCases.filter { $0 != last?.opposite && neighbour($0) != nil }
            let move = episode.stream.pick(legal)
            _ = slide(move)
            last = move
        }
    }

    private mutating func mixSolvably() {
        episode.stream.mix(&tiles)
        guard !isSolvable else { return }
        let pair = episode.stream.sample(tiles.filter { $0 != 0 }, 2)
        if let one = tiles.firstIndex(of: pair[0]), let other = tiles.firstIndex(of: pair[1]) {
            tiles.swapAt(one, other)
        }
    }

    /// Moves change the number of inversions and the hole's row together, in parity.
    private var isSolvable: Bool {
        var odd = false
        for (index, tile) in tiles.enumerated() where tile != 0 {
            for later in tiles[index...] where later != 0 && later < tile { odd.toggle() }
        }
        if side % 2 == 0, let hole = tiles.firstIndex(of: 0), (side - 1 - hole / side) % 2 == 1 { odd.toggle() }
        return !odd
    }

    func read(_ action: Action) -> Direction? { Direction.boxed(in: action, ignoringCase: false) }

    /// The cell whose tile slides into the hole; `nil` at the rim.
    private func neighbour(_ move: Direction) -> Int? {
        switch move {
        case .up: hole + side < tiles.count ? hole + side : nil
        case .down: hole >= side ? hole - side : nil
        case .left: hole % side < side - 1 ? hole + 1 : nil
        case .right: hole % side > 0 ? hole - 1 : nil
        }
    }

    /// Slides a tile into the hole and returns it; `nil` at the rim.
    private mutating func slide(_ move: Direction) -> UInt8? {
        guard let from = neighbour(move) else { return nil }
        tiles.swapAt(hole, from)
        defer { hole = from }
        return tiles[hole]
    }

    mutating func play(_ move: Direction, message: inout Text) -> Play {
        guard let tile = slide(move) else {
            message.append("no tile can slide ")
            message.append(move.word)
            message.append(" into the hole, so nothing moved.")
            return .nothing
        }
        message.append("tile ")
        message.append(Int(tile))
        message.append(" slid ")
        message.append(move.word)
        message.append(".")
        guard isSolved else { return .nothing }
        message.append(" The board is in order: solved.")
        return Play(reward: 1, ends: true)
    }

    /// Whether a cell holds what it holds in the solved board.
    func isRight(_ cell: Int) -> Bool { Int(tiles[cell]) == (cell + 1) % tiles.count }

    private var isSolved: Bool { tiles.indices.allSatisfy(isRight) }

    func rewardAtLimit(_ move: Direction, earned: Double) -> Double {
        // Added up one by one as in GEM, for the same rounding.
        var reward = 0.0
        for cell in tiles.indices where isRight(cell) { reward += 1 / Double(tiles.count) }
        return reward
    }

    /// GEM leaves out the box, which makes its samples unreadable; the draw is the same.
    mutating func sampleAction(into text: inout Text) { text.append(boxed: episode.stream.pick(Direction.allCases)) }
}

extension FifteenPuzzle {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try state.integer(&side, in: 2...10)
        let count = side * side
        try state.bytes(&tiles, counts: count...count, in: 0...UInt8(count - 1))
        try state.check(Set(tiles).count == count)
        if state.isReading { hole = tiles.firstIndex(of: 0) ?? 0 }
    }
}
