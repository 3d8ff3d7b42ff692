import GEM

extension Sudoku {
    func writeInstructions(into text: inout Text) {
        text.append("Fill the empty cells (dots) so that every row, every column and every block of ")
        text.append(grid.blockSide)
        text.append(" × ")
        text.append(grid.blockSide)
        text.append(" cells holds each number from 1 to ")
        text.append(grid.side)
        text.append(" once. You have ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns.
            There is one solution, and only its numbers are accepted. Rows R and columns C count from 1.
            Write row, column and number in a box, such as \boxed{1 2 3}. The last box in your answer counts.
            """#)
    }

    func writeBoard(into text: inout Text) { text.bytes.append(contentsOf: board) }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{row column number}"#) }

    /// A framed grid with its blocks.
    func draw(colours: Bool, into text: inout Text) {
        guard colours else {
            writeBoard(into: &text)
            text.append("\n")
            return
        }
        let (side, block) = (grid.side, grid.blockSide)
        rule("┌", "┬", "┐", into: &text)
        for row in 0..<side {
            if row > 0, row % block == 0 { rule("├", "┼", "┤", into: &text) }
            for column in 0..<side {
                if column % block == 0 {
                    text.append(Style.dim)
                    text.append("│ ")
                    text.append(Style.plain)
                }
                let number = grid.cells[row * side + column]
                text.append(number == 0 ? Style.dim : Style.player)
                if number == 0 { text.append("·") } else { text.append(Int(number)) }
                text.append(Style.plain)
                text.append(" ")
            }
            text.append(Style.dim)
            text.append("│\n")
            text.append(Style.plain)
        }
        rule("└", "┴", "┘", into: &text)
    }

    func writeStatus(into text: inout Text) {
        text.append(emptyCells)
        text.append(" cells empty")
    }

    private func rule(_ left: StaticString, _ middle: StaticString, _ right: StaticString, into text: inout Text) {
        text.append(Style.dim)
        for block in 0..<grid.blockSide {
            text.append(block == 0 ? left : middle)
            for _ in 0..<2 * grid.blockSide + 1 { text.append("─") }
        }
        text.append(right)
        text.append(Style.plain)
        text.append("\n")
    }
}
