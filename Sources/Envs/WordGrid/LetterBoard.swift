import GEM

/// A square of letters as the text that shows it: numbered columns above, numbered rows at the left, four bytes a cell.
struct LetterBoard: Sendable {
    private(set) var text: [UInt8]
    let side: Int
    /// Where in ``text`` the first cell's symbol is.
    private let first: Int

    /// A board that shows `symbols` row by row.
    init(side: Int, symbols: [UInt8]) {
        self.side = side
        let header = 4 * side + 3  // three blanks, the column numbers, a line feed
        let line = 4 * side + 5  // row number, blank, cells, line feed
        first = header + 5
        // All blanks at first; the last line has no line feed.
        text = Array(repeating: UInt8(ascii: " "), count: max(0, header + side * line - 1))
        for index in 0..<side {
            label(index, UInt8(ascii: "C"), at: 3 + 4 * index)
            let start = header + index * line
            text[start - 1] = UInt8(ascii: "\n")
            label(index, UInt8(ascii: "R"), at: start)
            for column in 0..<side { text[start + 5 + 4 * column] = symbols[index * side + column] }
        }
    }

    /// Writes `name` and a number of two digits.
    private mutating func label(_ number: Int, _ name: UInt8, at place: Int) {
        text[place] = name
        text[place + 1] = UInt8(ascii: "0") + UInt8(number / 10)
        text[place + 2] = UInt8(ascii: "0") + UInt8(number % 10)
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

    private func place(of cell: Int) -> Int { first + cell / side * (4 * side + 5) + cell % side * 4 }

    /// Draws the board in colour, three columns a cell; `tile` gives each cell's style, if any, and its glyph.
    func draw(into text: inout Text, tile: (Int) -> (style: StaticString?, glyph: UInt8)) {
        text.append(Style.dim)
        text.append("    ")
        for column in 0..<side {
            text.append(column, width: 2)
            text.append(" ")
        }
        for row in 0..<side {
            text.append("\n")
            text.append(Style.dim)
            text.append(row, width: 3)
            text.append(Style.plain)
            text.append(" ")
            for column in 0..<side {
                let (style, glyph) = tile(row * side + column)
                if let style { text.append(style) }
                text.append(" ")
                text.append(ascii: glyph)
                text.append(" ")
                if style != nil { text.append(Style.plain) }
            }
        }
        text.append("\n")
    }
}
