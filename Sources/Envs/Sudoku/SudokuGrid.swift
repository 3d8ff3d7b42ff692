import GEM

/// A grid of numbers and, per row, column and block, the numbers that it still lacks.
struct SudokuGrid {
    let side: Int
    let blockSide: Int
    /// Row by row; 0 is an empty cell.
    private(set) var cells: [UInt8]
    /// One bit per number that is missing; bit 0 is number 1.
    private var rows: [UInt16]
    private var columns: [UInt16]
    private var blocks: [UInt16]

    /// An empty grid; `blockSide` is 2 or 3.
    init(blockSide: Int) {
        self.blockSide = blockSide
        side = blockSide * blockSide
        cells = Array(repeating: 0, count: side * side)
        rows = Array(repeating: 1 << UInt16(side) - 1, count: side)
        columns = rows
        blocks = rows
    }

    /// The numbers that fit into an empty cell, one bit each.
    func candidates(_ cell: Int) -> UInt16 {
        rows[cell / side] & columns[cell % side] & blocks[block(of: cell)]
    }

    private func block(of cell: Int) -> Int {
        cell / side / blockSide * blockSide + cell % side / blockSide
    }

    mutating func place(_ number: UInt8, at cell: Int) {
        cells[cell] = number
        toggle(number, at: cell)
    }

    /// Empties a cell and returns what it held.
    mutating func clear(_ cell: Int) -> UInt8 {
        let number = cells[cell]
        cells[cell] = 0
        toggle(number, at: cell)
        return number
    }

    private mutating func toggle(_ number: UInt8, at cell: Int) {
        let bit = UInt16(1) << UInt16(number - 1)
        rows[cell / side] ^= bit
        columns[cell % side] ^= bit
        blocks[block(of: cell)] ^= bit
    }

    /// Fills the grid by trying shuffled numbers cell by cell; every visit of a cell shuffles anew.
    mutating func fill(from cell: Int = 0, _ stream: inout MersenneTwister) -> Bool {
        guard cell < cells.count else { return true }
        var numbers = Array(1...UInt8(side))
        stream.mix(&numbers)
        for number in numbers where candidates(cell) & 1 << UInt16(number - 1) != 0 {
            place(number, at: cell)
            if fill(from: cell + 1, &stream) { return true }
            _ = clear(cell)
        }
        return false
    }

    /// Whether `cell`, which is empty, could hold another number than `number` in some solution.
    mutating func hasSolution(with cell: Int, otherThan number: UInt8) -> Bool {
        var others = candidates(cell) & ~(1 << UInt16(number - 1))
        while others != 0 {
            place(UInt8(others.trailingZeroBitCount + 1), at: cell)
            let found = hasSolution()
            _ = clear(cell)
            if found { return true }
            others &= others - 1
        }
        return false
    }

    /// Whether the empty cells can be filled; branches on the cell with the fewest candidates. Leaves the grid as it is.
    private mutating func hasSolution() -> Bool {
        var fewest = Int.max
        var chosen = 0
        for cell in cells.indices where cells[cell] == 0 {
            let count = candidates(cell).nonzeroBitCount
            if count < fewest {
                if count == 0 { return false }
                (fewest, chosen) = (count, cell)
                if count == 1 { break }
            }
        }
        guard fewest < Int.max else { return true }
        var numbers = candidates(chosen)
        while numbers != 0 {
            place(UInt8(numbers.trailingZeroBitCount + 1), at: chosen)
            let found = hasSolution()
            _ = clear(chosen)
            if found { return true }
            numbers &= numbers - 1
        }
        return false
    }
}
