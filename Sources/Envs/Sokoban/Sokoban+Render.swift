import GEM

extension Sokoban {
    func draw(colours: Bool, into text: inout Text) {
        guard colours else {
            writeBoard(into: &text)
            text.append("\n# wall  _ floor  O goal  X box  √ box on goal  P you\n")
            return
        }
        for row in 0..<rows {
            for column in 0..<columns { draw(row, column, into: &text) }
            text.append("\n")
        }
    }

    func writeStatus(into text: inout Text) {
        text.append(boxesOnGoals)
        text.append("/")
        text.append(goals.count)
        text.append(" boxes on goals")
    }

    /// One cell, always two columns wide.
    private func draw(_ row: Int, _ column: Int, into text: inout Text) {
        let place = 2 * (row * columns + column)
        switch board[place] {
        case Symbol.wall:
            text.append(Style.wall)
            text.append(outline(row, column))
            text.append(isEdge(row, column, toRow: row, toColumn: column + 1) ? "─" : " ")
        case Symbol.box:
            text.append(Style.box)
            text.append("■ ")
        case Symbol.boxOnGoal:
            text.append(Style.success)
            text.append("▣ ")
        case Symbol.goal:
            text.append(Style.goal)
            text.append("□ ")
        case Symbol.player:
            text.append(Style.player)
            text.append(goals.contains(place) ? "◉ " : "● ")
        default:
            text.append(Style.dim)
            text.append("· ")
        }
        text.append(Style.plain)
    }

    /// The piece of wall at a cell: lines towards those walls with which it forms the edge of the floor.
    private func outline(_ row: Int, _ column: Int) -> StaticString {
        var lines = 0
        let around = [(-1, 0), (1, 0), (0, -1), (0, 1)]
        for (bit, (rowStep, columnStep)) in around.enumerated()
        where isEdge(row, column, toRow: row + rowStep, toColumn: column + columnStep) {
            lines |= 1 << bit
        }
        let standsAlone = lines == 0 && around.contains { !isWall(row + $0.0, column + $0.1) }
        return standsAlone ? "▪" : Style.linePieces[lines]
    }

    /// Whether two neighbouring walls have floor on at least one side, so that the line between them shows.
    private func isEdge(_ row: Int, _ column: Int, toRow: Int, toColumn: Int) -> Bool {
        guard isWall(row, column), isWall(toRow, toColumn), isInside(toRow, toColumn) else { return false }
        return row == toRow
            ? !isWall(row - 1, column) || !isWall(row + 1, column) || !isWall(row - 1, toColumn)
                || !isWall(row + 1, toColumn)
            : !isWall(row, column - 1) || !isWall(row, column + 1) || !isWall(toRow, column - 1)
                || !isWall(toRow, column + 1)
    }

    private func isInside(_ row: Int, _ column: Int) -> Bool { 0..<rows ~= row && 0..<columns ~= column }

    private func isWall(_ row: Int, _ column: Int) -> Bool {
        !isInside(row, column) || board[2 * (row * columns + column)] == Symbol.wall
    }
}
