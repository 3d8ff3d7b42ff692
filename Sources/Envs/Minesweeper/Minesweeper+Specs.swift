import GEM

extension Minesweeper {
    static let specs = [spec("easy", 5, 5, 25), spec("hard", 8, 12, 64), spec("random", nil, nil, nil)]

    private static func spec(_ variant: String, _ side: Int?, _ mines: Int?, _ maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "Minesweeper", variant, summary: "Reveal every cell without a mine, and flag every mine.",
            actionGrammar: #"\boxed{reveal|flag row column}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter("rows", .integer(2...50), default: .of(side), isOptional: true, summary: "Rows of the grid."),
                Parameter(
                    "cols", .integer(2...50), default: .of(side), isOptional: true, summary: "Columns of the grid."),
                Parameter(
                    "num_mines", .integer(0...2500), default: .of(mines), isOptional: true, summary: "Hidden mines."),
            ]
        ) { arguments, entropy throws(Failure) in
            guard let rows = arguments.integer("rows"), let columns = arguments.integer("cols"),
                let mines = arguments.integer("num_mines"), let maxTurns = arguments.integer("max_turns")
            else { return Minesweeper(fixed: nil, entropy: entropy) }
            // The first reveal keeps its 3 × 3 square free; with fewer cells left the laying would never end.
            let most = rows * columns - min(rows, 3) * min(columns, 3)
            guard mines <= most else {
                throw .impossible("A grid of \(rows) × \(columns) cells holds at most \(most) mines; lower num_mines.")
            }
            return Minesweeper(fixed: (rows, columns, mines, maxTurns), entropy: entropy)
        }
    }

    /// The same layout, coloured as the classic game does.
    func draw(colours: Bool, into text: inout Text) {
        guard colours else {
            writeBoard(into: &text)
            text.append("\n")
            return
        }
        text.append(Style.dim)
        text.append("   ")
        for column in 0..<columns { text.append(column, width: 3) }
        text.append(Style.plain)
        text.append("\n")
        for row in 0..<rows {
            text.append(Style.dim)
            text.append(row, width: 3)
            text.append(Style.plain)
            for column in 0..<columns {
                let symbol = board[place(of: row * columns + column)]
                text.append("  ")
                switch symbol {
                case UInt8(ascii: "."):
                    text.append(Style.dim)
                    text.append("■")
                case UInt8(ascii: "F"):
                    text.append(Style.red)
                    text.append("⚑")
                case UInt8(ascii: "0"):
                    text.append(Style.dim)
                    text.append("·")
                default:
                    text.append(Self.digitColours[Int(symbol) - 0x31])
                    text.append(ascii: symbol)
                }
                text.append(Style.plain)
            }
            text.append("\n")
        }
    }

    func writeStatus(into text: inout Text) {
        text.append(board.count { $0 == UInt8(ascii: "F") })
        text.append("/")
        text.append(mines)
        text.append(" flags")
    }

    private static let digitColours: [StaticString] = [
        "\u{1B}[94m", "\u{1B}[32m", "\u{1B}[91m", "\u{1B}[34m", "\u{1B}[31m", "\u{1B}[36m", "\u{1B}[97m", "\u{1B}[37m",
    ]
}
