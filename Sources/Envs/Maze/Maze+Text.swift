import GEM

extension Maze {
    func writeInstructions(into text: inout Text) {
        text.append("You are P in a maze seen from above. Reach the exit by as few moves as you can, within ")
        text.append(episode.maxTurns)
        text.append(
            """
             turns.
            Symbols: # wall, _ floor, E exit, P you.
            A move takes you one cell up, down, left or right. Walking into a wall costs a turn.
            Write your move in a box, such as 
            """)
        text.append(boxed: example)
        text.append(". The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) {
        for cell in level.distances.indices {
            if cell > 0 { text.append(cell % level.side == 0 ? "\n" : " ") }
            let isWall = level.distances[cell] == MazeLevel.wall
            text.append(cell == player ? "P" : cell == level.exit ? "E" : isWall ? "#" : "_")
        }
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{up|down|left|right}"#) }

    func writeStatus(into text: inout Text) {
        text.append(Int(level.distances[player]))
        text.append(" moves from the exit · difficulty ")
        text.append(difficulty)
    }

    /// The board with a key, or in colours walls as lines, with the player's trail.
    func draw(colours: Bool, into text: inout Text) {
        guard colours else {
            writeBoard(into: &text)
            text.append("\n# wall  _ floor  E exit  P you\n")
            return
        }
        for row in 0..<level.side {
            for column in 0..<level.side { draw(row, column, into: &text) }
            text.append(Style.plain)
            text.append("\n")
        }
    }

    /// One cell: two columns wide where it is a room or lies above or below one, else one column, so that rooms look square.
    private func draw(_ row: Int, _ column: Int, into text: inout Text) {
        let cell = row * level.side + column
        let isWide = column % 2 == 1
        if isWall(row, column) {
            text.append(Style.wall)
            text.append(isWide ? "──" : outline(row, column))
        } else if cell == player {
            text.append(Style.player)
            text.append(isWide ? "● " : "●")
        } else if cell == level.exit {
            text.append(Style.goal)
            text.append("◆ ")
        } else {
            text.append(visited.contains(cell) ? Style.box : Style.dim)
            text.append(visited.contains(cell) ? (isWide ? "• " : "•") : isWide ? "  " : " ")
        }
    }

    /// The piece of wall between rooms: lines towards the walls around it.
    private func outline(_ row: Int, _ column: Int) -> StaticString {
        if row % 2 == 1 { return "│" }
        var lines = 0
        for (bit, (rowStep, columnStep)) in [(-1, 0), (1, 0), (0, -1), (0, 1)].enumerated()
        where isWall(row + rowStep, column + columnStep) { lines |= 1 << bit }
        return Style.linePieces[lines]
    }

    private func isWall(_ row: Int, _ column: Int) -> Bool {
        0..<level.side ~= row && 0..<level.side ~= column
            && level.distances[row * level.side + column] == MazeLevel.wall
    }
}
