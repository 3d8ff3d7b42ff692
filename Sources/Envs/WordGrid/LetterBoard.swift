import GEM

/// A square of letters as the text that shows it: numbered columns above, numbered rows at the left, four bytes a cell.
struct LetterBoard: Sendable {
    private(set) var text: [UInt8] = []
    let side: Int

    /// A board that shows `symbols` row by row.
    init(side: Int, symbols: [UInt8]) {
        self.side = side
        var text = Text()
        text.append("   ")
        text.appendColumnNumbers(0..<side)
        for row in 0..<side {
            text.append("\nR")
            text.append(twoDigits: row)
            text.append(" ")
            for column in 0..<side {
                text.append(" ")
                text.append(ascii: symbols[row * side + column])
                text.append("  ")
            }
        }
        self.text = text.bytes
    }

    /// The symbol of a cell, counted row by row.
    subscript(cell: Int) -> UInt8 {
        get { text[place(of: cell)] }
        set { text[place(of: cell)] = newValue }
    }

    /// Puts the cell's symbol in square brackets.
    mutating func bracket(_ cell: Int) {
        text[place(of: cell) - 1] = UInt8(ascii: "[")
        text[place(of: cell) + 1] = UInt8(ascii: "]")
    }

    /// Whether the cell's symbol is in square brackets.
    func isBracketed(_ cell: Int) -> Bool { text[place(of: cell) - 1] == UInt8(ascii: "[") }

    private func place(of cell: Int) -> Int {
        let header = 4 * side + 3  // three blanks, the column numbers, a line feed
        let line = 4 * side + 5  // row number, blank, cells, line feed
        return header + cell / side * line + 5 + cell % side * 4
    }

    /// Draws the board in colour; `style` and `glyph` say how for each cell.
    func draw(into text: inout Text, cell: (Int, inout Text) -> Void) {
        text.append(Style.dim)
        text.append("    ")
        for column in 0..<side { text.append(column, width: 3) }
        text.append(Style.plain)
        for row in 0..<side {
            text.append("\n")
            text.append(Style.dim)
            text.append(row, width: 4)
            text.append(Style.plain)
            for column in 0..<side { cell(row * side + column, &text) }
        }
        text.append("\n")
    }
}
