import GEM

/// A frozen lake: which of its cells are ice, which are holes. The start is the first cell, the goal the last.
struct Lake: Equatable, Sendable {
    let rows: Int
    let columns: Int
    /// In reading order, one of the letters that the observation shows.
    let cells: [UInt8]

    /// The letters of a map.
    enum Cell {
        static let start = UInt8(ascii: "S")
        static let ice = UInt8(ascii: "F")
        static let hole = UInt8(ascii: "H")
        static let goal = UInt8(ascii: "G")
    }

    /// Gymnasium's smaller map.
    static let small = Lake(columns: 4, "SFFFFHFHFFFHHFFG")
    /// Gymnasium's larger map.
    static let large = Lake(columns: 8, "SFFFFFFFFFFFFFFFFFFHFFFFFFFFFHFFFFFHFFFFFHHFFFHFFHFFHFHFFFFHFFFG")

    private init(columns: Int, _ letters: StaticString) {
        cells = letters.withUTF8Buffer { Array($0) }
        self.columns = columns
        rows = cells.count / columns
    }

    /// Draws maps of `size` × `size` cells until one can be crossed; `nil` where none of 10,000 can.
    ///
    /// The draws are those of Gymnasium's `generate_random_map`: a cell is ice where the next double is below the share of
    /// ice; start and goal are laid over it; a map without a way is thrown away.
    init?(size: Int, icePercent: Int, from stream: inout PCG64) {
        let share = Double(icePercent) / 100
        var cells = [UInt8](repeating: Cell.ice, count: size * size)
        for _ in 0..<10_000 {
            for cell in cells.indices { cells[cell] = stream.unit() < share ? Cell.ice : Cell.hole }
            cells[0] = Cell.start
            cells[cells.count - 1] = Cell.goal
            if Self.hasWay(cells, columns: size) {
                (rows, columns, self.cells) = (size, size, cells)
                return
            }
        }
        return nil
    }

    /// The map with holes at the given cells, in reading order; `nil` where it cannot be crossed.
    init?(size: Int, holes: [Bool]) {
        var cells = holes.map { $0 ? Cell.hole : Cell.ice }
        guard cells.count == size * size, cells.count > 1, !holes[0], !holes[cells.count - 1] else { return nil }
        cells[0] = Cell.start
        cells[cells.count - 1] = Cell.goal
        guard Self.hasWay(cells, columns: size) else { return nil }
        (rows, columns, self.cells) = (size, size, cells)
    }

    /// Which cells are holes, in reading order.
    var holes: [Bool] { cells.map { $0 == Cell.hole } }

    /// Where a move that does not slip leads; the edge of the lake holds.
    func neighbour(of cell: Int, _ direction: Direction) -> Int { Self.neighbour(of: cell, direction, cells, columns) }

    private static func neighbour(of cell: Int, _ direction: Direction, _ cells: [UInt8], _ columns: Int) -> Int {
        switch direction {
        case .up: cell >= columns ? cell - columns : cell
        case .down: cell + columns < cells.count ? cell + columns : cell
        case .left: cell % columns > 0 ? cell - 1 : cell
        case .right: cell % columns < columns - 1 ? cell + 1 : cell
        }
    }

    /// Whether the goal can be reached without a hole, by a search from the start.
    private static func hasWay(_ cells: [UInt8], columns: Int) -> Bool {
        var isSeen = [Bool](repeating: false, count: cells.count)
        isSeen[0] = true
        var frontier = [0]
        while let cell = frontier.popLast() {
            if cells[cell] == Cell.goal { return true }
            for direction in Direction.allCases {
                let next = neighbour(of: cell, direction, cells, columns)
                if !isSeen[next], cells[next] != Cell.hole {
                    isSeen[next] = true
                    frontier.append(next)
                }
            }
        }
        return false
    }
}
