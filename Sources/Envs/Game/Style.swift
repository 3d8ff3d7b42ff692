/// The ANSI colours of all boards, so that the same thing looks the same in every game.
enum Style {
    static let plain: StaticString = "\u{1B}[0m"
    static let dim: StaticString = "\u{1B}[90m"
    static let wall: StaticString = "\u{1B}[34m"
    static let player: StaticString = "\u{1B}[1;96m"
    static let box: StaticString = "\u{1B}[33m"
    static let goal: StaticString = "\u{1B}[95m"
    static let red: StaticString = "\u{1B}[31m"
    static let onGreen: StaticString = "\u{1B}[1;30;42m"
    static let onYellow: StaticString = "\u{1B}[1;30;43m"
    static let onGrey: StaticString = "\u{1B}[97;100m"
    static let onIce: StaticString = "\u{1B}[30;106m"
    static let onDeepWater: StaticString = "\u{1B}[97;44m"
    static let success: StaticString = "\u{1B}[1;32m"

    /// Pieces of lines, indexed by one bit each for up, down, left, right.
    static let linePieces: [StaticString] = [
        " ", "│", "│", "│", "─", "╯", "╮", "┤", "─", "╰", "╭", "├", "─", "┴", "┬", "┼",
    ]
}
