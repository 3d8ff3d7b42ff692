import GEM

extension FifteenPuzzle {
    func writeInstructions(into text: inout Text) {
        text.append("Slide the tiles into order, 1 to ")
        text.append(side * side - 1)
        text.append(" row by row with the hole (__) last, within ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns.
            A move names the way a tile slides into the hole: up moves the tile below the hole up, left moves the tile to its \#
            right to the left.
            Write your move in lower case in a box, such as \boxed{up}. The last box in your answer counts.
            """#)
    }

    func writeBoard(into text: inout Text) {
        for (cell, tile) in tiles.enumerated() {
            if cell > 0 { text.append(ascii: cell % side == 0 ? UInt8(ascii: "\n") : UInt8(ascii: " ")) }
            if tile == 0 {
                text.append("__")
            } else {
                text.append(ascii: tile < 10 ? UInt8(ascii: " ") : UInt8(ascii: "0") + tile / 10)
                text.append(ascii: UInt8(ascii: "0") + tile % 10)
            }
        }
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{up|down|left|right}"#) }

    /// Tiles in a frame; those in their place are green.
    func draw(colours: Bool, into text: inout Text) {
        guard colours else {
            writeBoard(into: &text)
            text.append("\n")
            return
        }
        rule("╭", "┬", "╮", into: &text)
        for row in 0..<side {
            for column in 0..<side {
                let cell = row * side + column
                text.append(Style.dim)
                text.append("│")
                text.append(isRight(cell) ? Style.success : Style.plain)
                if tiles[cell] == 0 { text.append("    ") } else { text.append(Int(tiles[cell]), width: 3) }
                if tiles[cell] != 0 { text.append(" ") }
                text.append(Style.plain)
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
            text.append("────")
        }
        text.append(right)
        text.append(Style.plain)
        text.append("\n")
    }
}

extension FifteenPuzzle {
    static let specs = [spec("easy", 2, 10), spec("hard", 4, 50), spec("random", nil, nil)]

    private static func spec(_ variant: String, _ rows: Int?, _ maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "FifteenPuzzle", variant, summary: "Slide numbered tiles into order.",
            actionGrammar: #"\boxed{up|down|left|right}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter(
                    "num_rows", .integer(2...10), default: .of(rows), isOptional: true,
                    summary: "Rows, and as many columns."),
                Parameter(
                    "init_algo", .choice(Shuffle.allCases.map(\.rawValue)), default: .choice("monte_carlo"),
                    summary: "How boards are made; shuffle is release 0.1.0's, and half of its boards cannot be solved."
                ),
                Parameter(
                    "mc_rand_moves", .integer(0...100_000), default: .integer(100),
                    summary: "Random moves from the solved board, for monte_carlo."),
            ]
        ) { arguments, entropy in
            var fixed: (rows: Int, maxTurns: Int)?
            if let rows = arguments.integer("num_rows"), let maxTurns = arguments.integer("max_turns") {
                fixed = (rows, maxTurns)
            }
            return FifteenPuzzle(
                fixed: fixed, shuffle: arguments.choice("init_algo").flatMap(Shuffle.init) ?? .monteCarlo,
                randomMoves: arguments.integer("mc_rand_moves") ?? 100, entropy: entropy)
        }
    }
}
