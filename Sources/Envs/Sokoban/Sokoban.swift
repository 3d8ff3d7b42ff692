import GEM

/// Push every box onto a goal.
///
/// - Action: `\boxed{up}`, `down`, `left` or `right`, in any case of letters.
/// - Board: one line per row, cells joined by blanks: `#` wall, `_` floor, `O` goal, `X` box, `√` box on a goal, `P` player.
/// - Rewards: 1 for solving the room; at the turn limit the share of boxes that are on goals; otherwise 0.
/// - Endings: all boxes on goals, the turn limit, unreadable text.
/// - Source: GEM's Sokoban, whose rooms come from a generator of gym-sokoban's line.
struct Sokoban: Game {
    var episode: Episode

    private let setup: Setup
    private(set) var rows = 0
    private(set) var columns = 0
    /// The room as the text that shows it: a row is its cells, each but the last followed by a blank, and a line feed.
    /// ``Symbol/boxOnGoal`` stands for the only symbol that is longer than a byte.
    private(set) var board: [UInt8] = []
    /// Where in ``board`` the goals are, in reading order.
    private(set) var goals: [Int] = []
    private var player = 0
    private var boxes = 0
    private(set) var boxesOnGoals = 0
    private var example = Direction.up

    /// The bytes of ``board``.
    enum Symbol {
        static let wall = UInt8(ascii: "#")
        static let floor = UInt8(ascii: "_")
        static let goal = UInt8(ascii: "O")
        static let box = UInt8(ascii: "X")
        static let player = UInt8(ascii: "P")
        /// A placeholder for `√`.
        static let boxOnGoal = UInt8(ascii: "V")
    }

    /// What every reset starts from.
    struct Setup {
        /// `nil` where each reset draws size, boxes and turn limit.
        var fixed: (rows: Int, columns: Int, boxes: Int)?
        var maxTurns: Int
    }

    init(setup: Setup, entropy: UInt64) {
        self.setup = setup
        episode = Episode(entropy: entropy, maxTurns: setup.maxTurns)
    }

    mutating func begin(seed: Seed?) throws(Failure) {
        var (rows, columns, boxes) = setup.fixed ?? (6, 6, 2)
        if setup.fixed == nil {
            (rows, columns, boxes, episode.maxTurns) = episode.stream.pick([(6, 6, 2, 20), (8, 8, 5, 50)])
        }
        // GEM's unseeded rooms come from the operating system's entropy; ours go on from the stream.
        let start = UInt64(seed ?? episode.stream.bits(32))
        for attempt in 0..<UInt64(50) {
            var maker = SokobanRoomMaker(rows: rows, columns: columns, boxes: boxes, seed: start + attempt)
            guard let room = maker.make() else { continue }
            lay(room)
            example = Direction.allCases[episode.stream.below(4)]
            return
        }
        throw Failure(
            .envFailed,
            "No Sokoban room of \(rows) × \(columns) cells with \(boxes) boxes was found for this seed. "
                + "Reset with another seed, or make the environment with a larger dim_room or fewer num_boxes.")
    }

    private mutating func lay(_ room: SokobanRoom) {
        columns = room.columns
        rows = room.ground.count / columns
        boxes = room.boxes.count
        boxesOnGoals = 0
        goals.removeAll(keepingCapacity: true)
        board.removeAll(keepingCapacity: true)
        for (cell, ground) in room.ground.enumerated() {
            if ground == .goal { goals.append(board.count) }
            board.append(ground == .wall ? Symbol.wall : ground == .goal ? Symbol.goal : Symbol.floor)
            board.append(UInt8(ascii: (cell + 1) % columns == 0 ? "\n" : " "))
        }
        for box in room.boxes { board[box * 2] = Symbol.box }
        player = room.player * 2
        board[player] = Symbol.player
    }

    func read(_ action: Action) -> Direction? { Direction.boxed(in: action, ignoringCase: true) }

    mutating func play(_ move: Direction, message: inout Text) -> Play {
        let step = offset(of: move)
        let ahead = player + step
        switch board[ahead] {
        case Symbol.wall:
            message.append("a wall blocks the way ")
            message.append(move.word)
            message.append(", so you stay where you are.")
        case Symbol.box, Symbol.boxOnGoal:
            let behind = ahead + step
            guard board[behind] == Symbol.floor || board[behind] == Symbol.goal else {
                message.append("the box cannot be pushed ")
                message.append(move.word)
                message.append(", so you stay where you are.")
                return .nothing
            }
            if board[ahead] == Symbol.boxOnGoal { boxesOnGoals -= 1 }
            let isOnGoal = board[behind] == Symbol.goal
            if isOnGoal { boxesOnGoals += 1 }
            board[behind] = isOnGoal ? Symbol.boxOnGoal : Symbol.box
            walk(to: ahead)
            message.append("you pushed a box ")
            message.append(move.word)
            message.append(isOnGoal ? " onto a goal." : ".")
            if boxesOnGoals == boxes {
                message.append(" Every box is on a goal: solved.")
                return Play(reward: 1, ends: true)
            }
        default:
            walk(to: ahead)
            message.append("you moved ")
            message.append(move.word)
            message.append(".")
        }
        return .nothing
    }

    func rewardAtLimit(_ move: Direction, earned: Double) -> Double { Double(boxesOnGoals) / Double(boxes) }

    private mutating func walk(to cell: Int) {
        board[player] = goals.contains(player) ? Symbol.goal : Symbol.floor
        board[cell] = Symbol.player
        player = cell
    }

    private func offset(of move: Direction) -> Int {
        switch move {
        case .up: -2 * columns
        case .down: 2 * columns
        case .left: -2
        case .right: 2
        }
    }

    mutating func sampleAction(into text: inout Text) { text.append(boxed: episode.stream.pick(Direction.allCases)) }
}

extension Sokoban {
    func writeInstructions(into text: inout Text) {
        text.append("You are P in a warehouse seen from above. Push every box onto a goal within ")
        text.append(episode.maxTurns)
        text.append(
            """
             turns.
            Symbols: # wall, _ floor, O goal, X box, √ box on a goal, P you (also when you stand on a goal).
            A move takes you one cell up, down, left or right. Moving into a box pushes it, if the cell behind it is floor \
            or a goal; boxes cannot be pulled.
            Write your move in a box, such as 
            """)
        text.append(boxed: example)
        text.append(". The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) {
        var start = 0
        if boxesOnGoals > 0 {
            for goal in goals where board[goal] == Symbol.boxOnGoal {
                text.bytes.append(contentsOf: board[start..<goal])
                text.append("√")
                start = goal + 1
            }
        }
        text.bytes.append(contentsOf: board[start..<board.count - 1])
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{up|down|left|right}"#) }
}

extension Sokoban {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try state.integer(&rows, in: 4...12)
        try state.integer(&columns, in: 4...12)
        var cells: [UInt8] = stride(from: 0, to: board.count, by: 2).map { place in
            let symbol = board[place] == Symbol.player && goals.contains(place) ? Self.playerOnGoal : board[place]
            return UInt8(Self.symbols.firstIndex(of: symbol) ?? 0)
        }
        let count = rows * columns
        try state.bytes(&cells, counts: count...count, in: 0...UInt8(Self.symbols.count - 1))
        try state.choice(&example)
        guard state.isReading else { return }
        let symbols = cells.map { Self.symbols[Int($0)] }
        guard isRoom(symbols) else { throw .damagedState }
        lay(symbols)
    }

    /// The symbols in the order of their codes.
    private static let symbols = [
        Symbol.wall, Symbol.floor, Symbol.goal, Symbol.box, Symbol.boxOnGoal, Symbol.player, playerOnGoal,
    ]
    private static let playerOnGoal = UInt8(ascii: "p")

    /// Whether there are walls all around, one player, and as many boxes as goals.
    private func isRoom(_ symbols: [UInt8]) -> Bool {
        let isClosed = symbols.indices.allSatisfy { cell in
            let (row, column) = cell.quotientAndRemainder(dividingBy: columns)
            let isRim = row == 0 || row == rows - 1 || column == 0 || column == columns - 1
            return !isRim || symbols[cell] == Symbol.wall
        }
        let players = symbols.count { $0 == Symbol.player || $0 == Self.playerOnGoal }
        let boxes = symbols.count { $0 == Symbol.box || $0 == Symbol.boxOnGoal }
        let goals = symbols.count { $0 == Symbol.goal || $0 == Symbol.boxOnGoal || $0 == Self.playerOnGoal }
        return isClosed && players == 1 && boxes >= 1 && boxes == goals
    }

    private mutating func lay(_ symbols: [UInt8]) {
        goals.removeAll()
        board.removeAll()
        for (cell, symbol) in symbols.enumerated() {
            if [Symbol.goal, Symbol.boxOnGoal, Self.playerOnGoal].contains(symbol) { goals.append(board.count) }
            if [Symbol.player, Self.playerOnGoal].contains(symbol) { player = board.count }
            board.append(symbol == Self.playerOnGoal ? Symbol.player : symbol)
            board.append(UInt8(ascii: (cell + 1) % columns == 0 ? "\n" : " "))
        }
        boxes = goals.count
        boxesOnGoals = symbols.count { $0 == Symbol.boxOnGoal }
    }
}
