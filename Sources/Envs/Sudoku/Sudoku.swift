import GEM

/// Fill the grid so that every row, column and block holds each number once.
///
/// - Action: `\boxed{2 3 1}`: row, column and number from 1, single blanks.
/// - Board: numbered columns and rows, `.` for an empty cell, bars and dashed lines between blocks.
/// - Rewards: each right number pays its share of the cells that were empty at the reset.
/// - Endings: the grid is full, the turn limit, unreadable text.
/// - Source: GEM's Sudoku, after TextArena. `clues` is the number of attempts to empty a cell, as there; an attempt that would
///   leave more than one solution is taken back.
struct Sudoku: Game {
    var episode: Episode

    /// What a game is played with.
    typealias Setup = (scale: Int, clues: Int, maxTurns: Int)

    private let fixed: Setup?
    private(set) var grid = SudokuGrid(blockSide: 2)
    private var solution: [UInt8] = []
    private(set) var emptyCells = 0
    private var emptyAtReset = 0
    /// The board as the text that shows it, and where in it the cells are.
    private(set) var board: [UInt8] = []
    private var places: [Int] = []

    /// A game of `fixed` size, or of a size drawn at every reset.
    init(fixed: Setup?, entropy: UInt64) {
        self.fixed = fixed
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    mutating func begin(seed: Seed?) {
        let attempts: Int
        let scale: Int
        (scale, attempts, episode.maxTurns) = fixed ?? episode.stream.pick([(4, 10, 15), (9, 50, 50)])
        grid = SudokuGrid(blockSide: scale == 4 ? 2 : 3)
        _ = grid.fill(&episode.stream)  // an empty grid can always be filled
        solution = grid.cells
        emptyCells = 0
        var order = Array(grid.cells.indices)
        episode.stream.mix(&order)
        for _ in 0..<min(attempts, order.count) {
            let cell = order.removeLast()
            let number = grid.clear(cell)
            if grid.hasSolution(with: cell, otherThan: number) {
                grid.place(number, at: cell)
            } else {
                emptyCells += 1
            }
        }
        emptyAtReset = emptyCells
        layOutBoard()
    }

    /// Row, column and number as written; numbers of any size.
    typealias Move = (row: Int, column: Int, number: Int)

    func read(_ action: Action) -> Move? {
        BoxedAction.last(in: action) { text, cursor in
            guard let row = cursor.number(in: text), cursor.blank(in: text) != nil,
                let column = cursor.number(in: text),
                cursor.blank(in: text) != nil, let number = cursor.number(in: text)
            else { return nil }
            return (row, column, number)
        }
    }

    mutating func play(_ move: Move, message: inout Text) -> Play {
        let range = 1...grid.side
        guard range ~= move.row, range ~= move.column, range ~= move.number else {
            message.append("row, column and number must be from 1 to ")
            message.append(grid.side)
            message.append(".")
            return .nothing
        }
        let cell = (move.row - 1) * grid.side + move.column - 1
        guard grid.cells[cell] == 0 else {
            message.append("that cell is filled already.")
            return .nothing
        }
        message.append(move.number)
        guard solution[cell] == UInt8(move.number) else {
            message.append(" is wrong there, so the cell stays empty.")
            return .nothing
        }
        grid.place(UInt8(move.number), at: cell)
        board[places[cell]] = UInt8(ascii: "0") + UInt8(move.number)
        emptyCells -= 1
        message.append(" is right at row ")
        message.append(move.row)
        message.append(", column ")
        message.append(move.column)
        message.append(emptyCells == 0 ? ". The grid is full: solved." : ".")
        return Play(reward: 1 / Double(emptyAtReset), ends: emptyCells == 0)
    }

    /// GEM has no sampler here; ours draws an empty cell and a number that no row, column or block forbids.
    mutating func sampleAction(into text: inout Text) {
        let empty = grid.cells.indices.filter { grid.cells[$0] == 0 }
        guard !empty.isEmpty else { return text.append(#"\boxed{1 1 1}"#) }
        let cell = episode.stream.pick(empty)
        let candidates = grid.candidates(cell)
        let number = episode.stream.pick((1...grid.side).filter { candidates & 1 << UInt16($0 - 1) != 0 })
        text.append(#"\boxed{"#)
        text.append(list: [cell / grid.side + 1, cell % grid.side + 1, number])
        text.append("}")
    }

    private mutating func layOutBoard() {
        let (side, block) = (grid.side, grid.blockSide)
        var text = Text()
        text.append("  ")
        for column in 1...side {
            text.append(column > 1 && (column - 1) % block == 0 ? "   C" : " C")
            text.append(column)
        }
        places.removeAll(keepingCapacity: true)
        for row in 0..<side {
            if row > 0, row % block == 0 {
                text.append("\n   -")
                for _ in 1..<2 * (side - 1) { text.append(" -") }
            }
            text.append("\nR")
            text.append(row + 1)
            for column in 0..<side {
                text.append(column > 0 && column % block == 0 ? " |  " : "  ")
                places.append(text.bytes.count)
                let number = grid.cells[row * side + column]
                text.append(ascii: number == 0 ? UInt8(ascii: ".") : UInt8(ascii: "0") + number)
            }
        }
        board = text.bytes
    }
}

extension Sudoku {
    static let specs = [spec("easy", 4, 10, 15), spec("hard", 9, 50, 50), spec("random", nil, nil, nil)]

    private static func spec(_ variant: String, _ scale: Int?, _ clues: Int?, _ maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "Sudoku", variant, summary: "Fill the grid so that every row, column and block holds each number once.",
            actionGrammar: #"\boxed{row column number}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter(
                    "scale", .integer(4...9), default: .of(scale), isOptional: true, summary: "Cells a side: 4 or 9."),
                Parameter(
                    "clues", .integer(1...81), default: .of(clues), isOptional: true,
                    summary: "How often the emptying of a cell is tried, as GEM means it."),
            ]
        ) { arguments, entropy throws(Failure) in
            guard let scale = arguments.integer("scale"), let clues = arguments.integer("clues"),
                let maxTurns = arguments.integer("max_turns")
            else { return Sudoku(fixed: nil, entropy: entropy) }
            guard scale == 4 || scale == 9 else { throw .impossible("scale must be 4 or 9, not \(scale).") }
            guard clues <= scale * scale else {
                throw .impossible(
                    "A grid of \(scale * scale) cells allows at most as many clues; lower clues \(clues).")
            }
            return Sudoku(fixed: (scale, clues, maxTurns), entropy: entropy)
        }
    }
}

extension Sudoku {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        var isLarge = grid.side == 9
        try state.flag(&isLarge)
        let side = isLarge ? 9 : 4
        try state.bytes(&solution, counts: side * side...side * side, in: 1...UInt8(side))
        var isFilled = state.isReading ? Array(repeating: false, count: side * side) : grid.cells.map { $0 != 0 }
        try state.bits(&isFilled)
        if state.isReading {
            grid = SudokuGrid(blockSide: isLarge ? 3 : 2)
            for (cell, number) in solution.enumerated() {
                // A number that a row, a column or a block holds already is no part of a solution.
                try state.check(grid.candidates(cell) & 1 << UInt16(number - 1) != 0)
                grid.place(number, at: cell)
            }
            for cell in isFilled.indices where !isFilled[cell] { _ = grid.clear(cell) }
            emptyCells = isFilled.count { !$0 }
            layOutBoard()
        }
        try state.integer(&emptyAtReset, in: emptyCells...side * side)
    }
}
