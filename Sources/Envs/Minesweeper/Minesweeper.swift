import GEM

/// Reveal every cell without a mine, and flag every mine.
///
/// - Action: `\boxed{reveal 2 3}` or `\boxed{flag 2 3}`: row and column from 0, single blanks.
/// - Board: column numbers above, row numbers at the left, `.` hidden, `F` flagged, digits revealed.
/// - Rewards: the share of mine-free cells that a reveal opens; 0 for a mine and for flags.
/// - Endings: a mine is revealed; by a reveal after which all mines are flagged and all other cells open; the turn limit;
///   unreadable text. As in GEM a flag never ends the episode, and a flagged mine can be revealed.
/// - Source: GEM's Minesweeper, after TextArena. The mines are laid at the first reveal, away from its 3 × 3 square.
struct Minesweeper: Game {
    var episode: Episode

    /// What a game is played with.
    typealias Setup = (rows: Int, columns: Int, mines: Int, maxTurns: Int)

    private struct Cell {
        var isMine = false
        var isRevealed = false
        var isFlagged = false
        var minesAround: UInt8 = 0
    }

    private let fixed: Setup?
    private(set) var rows = 0
    private(set) var columns = 0
    private(set) var mines = 0
    private var cells: [Cell] = []
    private var areMinesLaid = false
    private var examples = (reveal: (0, 0), flag: (0, 0))
    /// The board as the text that shows it; each cell is one byte of it.
    private(set) var board: [UInt8] = []

    /// A game of `fixed` size, or of a size drawn at every reset.
    init(fixed: Setup?, entropy: UInt64) {
        self.fixed = fixed
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    mutating func begin(seed: Seed?) {
        if let fixed {
            (rows, columns, mines, episode.maxTurns) = fixed
        } else {
            let side = episode.stream.between(5, 8)
            (rows, columns, mines, episode.maxTurns) = (side, side, side * side / 5, side * side)
        }
        cells = Array(repeating: Cell(), count: rows * columns)
        areMinesLaid = false
        layOutBoard()
        examples.reveal = drawCell()
        examples.flag = drawCell()
    }

    private mutating func drawCell() -> (Int, Int) {
        let row = episode.stream.between(0, rows - 1)
        return (row, episode.stream.between(0, columns - 1))
    }

    /// A word and a cell; numbers of any size.
    struct Move {
        enum Word { case reveal, flag, other }
        var word: Word
        var row: Int
        var column: Int
    }

    func read(_ action: Action) -> Move? {
        BoxedAction.last(in: action) { text, cursor in
            let start = cursor.offset
            while cursor.letter(in: text) != nil {}
            let letters = start..<cursor.offset
            guard !letters.isEmpty, cursor.blank(in: text) != nil, let row = cursor.number(in: text),
                cursor.blank(in: text) != nil, let column = cursor.number(in: text)
            else { return nil }
            return Move(word: Self.word(in: text, letters), row: row, column: column)
        }
    }

    private static func word(in text: Action, _ letters: Range<Int>) -> Move.Word {
        text.spells("reveal", at: letters) ? .reveal : text.spells("flag", at: letters) ? .flag : .other
    }

    mutating func play(_ move: Move, message: inout Text) -> Play {
        guard 0..<rows ~= move.row, 0..<columns ~= move.column else {
            message.append("that cell is outside the grid.")
            return .nothing
        }
        let cell = move.row * columns + move.column
        switch move.word {
        case .reveal: return reveal(cell, message: &message)
        case .flag: flag(cell, message: &message)
        case .other: message.append("the word must be reveal or flag.")
        }
        return .nothing
    }

    private mutating func reveal(_ cell: Int, message: inout Text) -> Play {
        if !areMinesLaid { layMines(around: cell) }
        if cells[cell].isMine {
            append("cell ", cell, " holds a mine, and that ends the episode.", to: &message)
            return Play(reward: 0, ends: true)
        }
        guard !cells[cell].isRevealed, !cells[cell].isFlagged else {
            append("cell ", cell, cells[cell].isFlagged ? " is flagged." : " is revealed already.", to: &message)
            return .nothing
        }
        let opened = open(from: cell)
        append("you revealed cell ", cell, ".", to: &message)
        var play = Play(reward: Double(opened) / Double(cells.count - mines))
        if cells.allSatisfy({ $0.isMine ? $0.isFlagged : $0.isRevealed }) {
            message.append(" Every mine is flagged and every other cell revealed: solved.")
            play.ends = true
        }
        return play
    }

    private mutating func flag(_ cell: Int, message: inout Text) {
        guard !cells[cell].isRevealed else {
            append("cell ", cell, " is revealed and takes no flag.", to: &message)
            return
        }
        cells[cell].isFlagged.toggle()
        board[place(of: cell)] = UInt8(ascii: cells[cell].isFlagged ? "F" : ".")
        append(cells[cell].isFlagged ? "you flagged cell " : "you took the flag from cell ", cell, ".", to: &message)
    }

    private func append(_ before: StaticString, _ cell: Int, _ after: StaticString, to message: inout Text) {
        message.append(before)
        message.append(cell / columns)
        message.append(" ")
        message.append(cell % columns)
        message.append(after)
    }

    private mutating func layMines(around first: Int) {
        areMinesLaid = true
        var laid = 0
        while laid < mines {
            let (row, column) = drawCell()
            let cell = row * columns + column
            let isNear = abs(row - first / columns) <= 1 && abs(column - first % columns) <= 1
            if cells[cell].isMine || isNear { continue }
            cells[cell].isMine = true
            laid += 1
            for next in neighbours(of: cell) { cells[next].minesAround += 1 }
        }
    }

    /// Reveals `start` and, from every cell without mines around it, what lies around; returns how many cells.
    private mutating func open(from start: Int) -> Int {
        var opened = 0
        var pending = [start]
        while let cell = pending.popLast() {
            if cells[cell].isRevealed || cells[cell].isFlagged { continue }
            cells[cell].isRevealed = true
            board[place(of: cell)] = UInt8(ascii: "0") + cells[cell].minesAround
            opened += 1
            if cells[cell].minesAround == 0 { pending.append(contentsOf: neighbours(of: cell)) }
        }
        return opened
    }

    private func neighbours(of cell: Int) -> [Int] {
        let (row, column) = (cell / columns, cell % columns)
        var around: [Int] = []
        around.reserveCapacity(8)
        for nextRow in max(row - 1, 0)...min(row + 1, rows - 1) {
            for nextColumn in max(column - 1, 0)...min(column + 1, columns - 1) {
                let next = nextRow * columns + nextColumn
                if next != cell { around.append(next) }
            }
        }
        return around
    }

    mutating func sampleAction(into text: inout Text) {
        text.append(episode.stream.below(10) < 9 ? #"\boxed{reveal "# : #"\boxed{flag "#)
        append(cell: drawCell(), to: &text)
        text.append("}")
    }

    private func append(cell: (Int, Int), to text: inout Text) {
        text.append(cell.0)
        text.append(" ")
        text.append(cell.1)
    }
}

extension Minesweeper {
    func writeInstructions(into text: inout Text) {
        text.append("Reveal every cell without a mine and flag the ")
        text.append(mines)
        text.append(" mines hidden in ")
        text.append(rows)
        text.append(" rows and ")
        text.append(columns)
        text.append(" columns. You have ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns.
            Rows and columns count from 0. A dot is a hidden cell, F a flagged one; a digit says how many of the eight cells \#
            around hold mines. Revealing a mine ends the episode; your first reveal is safe. Flag all mines before your \#
            last reveal.
            Write your move in a box, such as \boxed{reveal 
            """#)
        append(cell: examples.reveal, to: &text)
        text.append(#"} or \boxed{flag "#)
        append(cell: examples.flag, to: &text)
        text.append("} (which also takes a flag away). The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) { text.bytes.append(contentsOf: board) }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{reveal|flag row column}"#) }

    private mutating func layOutBoard() {
        var text = Text()
        text.append("  ")
        for column in 0..<columns { text.append(column, width: 3) }
        for row in 0..<rows {
            text.append("\n")
            text.append(row, width: 2)
            text.append(" ")
            for _ in 0..<columns { text.append(" . ") }
        }
        board = text.bytes
    }

    /// Where the cell's symbol is in ``board``.
    func place(of cell: Int) -> Int {
        let line = 3 * columns + 4  // row number, blank, cells, line feed
        return 3 * columns + 3 + cell / columns * line + 4 + cell % columns * 3
    }
}

extension Minesweeper {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try state.integer(&rows, in: 2...50)
        try state.integer(&columns, in: 2...50)
        try state.integer(&mines, in: 0...rows * columns - min(rows, 3) * min(columns, 3))
        try state.flag(&areMinesLaid)
        for cell in [\Self.examples.reveal, \Self.examples.flag] {
            try state.index(&self[keyPath: cell].0, below: rows)
            try state.index(&self[keyPath: cell].1, below: columns)
        }
        if state.isReading { cells = Array(repeating: Cell(), count: rows * columns) }
        for part in [\Cell.isMine, \Cell.isRevealed, \Cell.isFlagged] {
            var bits = cells.map { $0[keyPath: part] }
            try state.bits(&bits)
            for cell in cells.indices { cells[cell][keyPath: part] = bits[cell] }
        }
        try state.check(cells.count { $0.isMine } == (areMinesLaid ? mines : 0))
        try state.check(!cells.contains { $0.isRevealed && ($0.isFlagged || $0.isMine) })
        if state.isReading { rebuild() }
    }

    /// Counts the mines around every cell and lays out the board.
    private mutating func rebuild() {
        for cell in cells.indices where cells[cell].isMine {
            for next in neighbours(of: cell) { cells[next].minesAround += 1 }
        }
        layOutBoard()
        for (index, cell) in cells.enumerated() where cell.isFlagged || cell.isRevealed {
            board[place(of: index)] = cell.isFlagged ? UInt8(ascii: "F") : UInt8(ascii: "0") + cell.minesAround
        }
    }
}
