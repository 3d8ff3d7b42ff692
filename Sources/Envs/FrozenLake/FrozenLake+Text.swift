import GEM

extension FrozenLake {
    func writeInstructions(into text: inout Text) {
        text.append("You are P on a frozen lake seen from above. Reach the goal within ")
        text.append(episode.maxTurns)
        text.append(
            """
             turns without falling into a hole.
            Symbols: S start, F ice, H hole, G goal, P you.
            A move takes you one cell left, down, right or up; where the lake ends you stay.
            """)
        if isSlippery {
            text.append(
                """
                 The ice is slippery: only one move in three goes where you meant, one in three slips to its left and one in \
                three to its right.
                """)
        }
        text.append("\nWrite your move in a box, such as ")
        text.append(boxed: suggestion)
        text.append(". The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) {
        for (cell, letter) in lake.cells.enumerated() {
            if cell > 0 { text.append(cell % lake.columns == 0 ? "\n" : " ") }
            text.append(ascii: cell == player ? UInt8(ascii: "P") : letter)
        }
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{left|down|right|up}"#) }

    /// A board with a key, or in colours a lake with a shore around it, every cell three columns wide.
    func draw(colours: Bool, into text: inout Text) {
        guard colours else {
            writeBoard(into: &text)
            text.append("\nS start  F ice  H hole  G goal  P you\n")
            return
        }
        drawShore("╭", "╮", into: &text)
        for row in 0..<lake.rows {
            text.append(Style.wall)
            text.append("│")
            for column in 0..<lake.columns { draw(cell: row * lake.columns + column, into: &text) }
            text.append(Style.plain)
            text.append(Style.wall)
            text.append("│")
            text.append(Style.plain)
            text.append("\n")
        }
        drawShore("╰", "╯", into: &text)
    }

    private func draw(cell: Int, into text: inout Text) {
        let isHere = cell == player
        switch lake.cells[cell] {
        case Lake.Cell.hole:
            text.append(Style.onDeepWater)
            text.append(isHere ? " ✕ " : " ○ ")
        case Lake.Cell.goal:
            text.append(Style.onGreen)
            text.append(isHere ? " ● " : " ⚑ ")
        default:
            text.append(Style.onIce)
            text.append(isHere ? " ● " : lake.cells[cell] == Lake.Cell.start ? " ⌂ " : " · ")
        }
    }

    private func drawShore(_ left: StaticString, _ right: StaticString, into text: inout Text) {
        text.append(Style.wall)
        text.append(left)
        for _ in 0..<lake.columns { text.append("───") }
        text.append(right)
        text.append(Style.plain)
        text.append("\n")
    }
}
