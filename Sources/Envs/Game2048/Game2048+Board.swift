import GEM

extension Game2048 {
    func writeBoard(into text: inout Text) {
        for (cell, tile) in tiles.enumerated() {
            if cell > 0 { text.append(ascii: cell % side == 0 ? UInt8(ascii: "\n") : UInt8(ascii: " ")) }
            text.append(Self.labels[Int(tile)])
        }
    }

    /// Each tile right-aligned to four; the largest target ends the episode before a tile can outgrow the list.
    private static let labels: [StaticString] = [
        "   .", "   2", "   4", "   8", "  16", "  32", "  64", " 128", " 256", " 512", "1024", "2048", "4096", "8192",
        "16384", "32768", "65536", "131072",
    ]

    /// A grid of boxes, warmer colours for larger tiles.
    func draw(colours: Bool, into text: inout Text) {
        guard colours else {
            writeBoard(into: &text)
            text.append("\n")
            return
        }
        rule("╭", "┬", "╮", into: &text)
        for row in 0..<side {
            for column in 0..<side {
                let tile = tiles[row * side + column]
                text.append(Style.dim)
                text.append("│")
                text.append(Style.plain)
                if tile == 0 {
                    text.append("      ")
                } else {
                    text.append(Self.shades[min(Int(tile), Self.shades.count) - 1])
                    text.append(1 << Int(tile), width: 5)
                    text.append(" ")
                    text.append(Style.plain)
                }
            }
            text.append(Style.dim)
            text.append("│\n")
            text.append(Style.plain)
            if row < side - 1 { rule("├", "┼", "┤", into: &text) }
        }
        rule("╰", "┴", "╯", into: &text)
    }

    private func rule(_ left: StaticString, _ middle: StaticString, _ right: StaticString, into text: inout Text) {
        text.append(Style.dim)
        for column in 0..<side {
            text.append(column == 0 ? left : middle)
            text.append("──────")
        }
        text.append(right)
        text.append(Style.plain)
        text.append("\n")
    }

    private static let shades: [StaticString] = [
        "\u{1B}[38;5;252m", "\u{1B}[38;5;230m", "\u{1B}[38;5;223m", "\u{1B}[38;5;216m", "\u{1B}[38;5;209m",
        "\u{1B}[38;5;203m", "\u{1B}[1;38;5;226m", "\u{1B}[1;38;5;220m", "\u{1B}[1;38;5;214m", "\u{1B}[1;38;5;208m",
        "\u{1B}[1;38;5;46m",
    ]
}
