import GEM

/// The four moves of Sokoban, 2048 and the fifteen puzzle, in the order in which GEM lists them.
enum Direction: Int, CaseIterable, Sendable {
    case up, down, left, right

    /// The direction that takes a move back.
    var opposite: Direction {
        switch self {
        case .up: .down
        case .down: .up
        case .left: .right
        case .right: .left
        }
    }

    /// The word that names it in actions and messages.
    var word: StaticString {
        switch self {
        case .up: "up"
        case .down: "down"
        case .left: "left"
        case .right: "right"
        }
    }

    /// Reads the rightmost box that holds one of the four words and nothing else.
    static func boxed(in text: Action, ignoringCase: Bool) -> Direction? {
        BoxedAction.last(in: text, ignoringCase: ignoringCase) { text, cursor in
            let start = cursor.offset
            while cursor.letter(in: text) != nil {}
            for direction in allCases
            where text.spells(direction.word, at: start..<cursor.offset, ignoringCase: ignoringCase) {
                return direction
            }
            return nil
        }
    }
}

extension Text {
    /// Appends `\boxed{…}` around the direction's word.
    mutating func append(boxed direction: Direction) {
        append(#"\boxed{"#)
        append(direction.word)
        append("}")
    }
}

extension StateCoder {
    /// A value of one of `range`, as bytes are.
    mutating func index(_ value: inout Int, below count: Int) throws(Failure) {
        guard count > 0 else { throw .damagedState }
        try integer(&value, in: 0...count - 1)
    }
}
