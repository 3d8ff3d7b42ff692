/// A key that a game understands.
enum Key: Equatable, Sendable {
    case up, down, left, right
    case again, quit

    /// Waits for a key that means something.
    ///
    /// - Returns: ``quit`` at the end of the input.
    static func next(_ input: inout StandardInput) throws -> Key {
        while let byte = try input.next() {
            if byte == 0x1B {
                // The sequence of an arrow key comes in one piece; an escape alone is the escape key.
                let sequence = input.pending
                guard sequence.first == UInt8(ascii: "[") || sequence.first == UInt8(ascii: "O"), sequence.count > 1
                else { return .quit }
                let final = sequence.first { 0x40...0x7E ~= $0 && $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "O") }
                input.dropPending()
                if let key = final.flatMap(arrow) { return key }
            } else if let key = letter(byte) {
                return key
            }
        }
        return .quit
    }

    private static func arrow(_ final: UInt8) -> Key? {
        switch final {
        case UInt8(ascii: "A"): .up
        case UInt8(ascii: "B"): .down
        case UInt8(ascii: "C"): .right
        case UInt8(ascii: "D"): .left
        default: nil
        }
    }

    private static func letter(_ byte: UInt8) -> Key? {
        switch byte | 0x20 {
        case UInt8(ascii: "w"), UInt8(ascii: "k"): .up
        case UInt8(ascii: "s"), UInt8(ascii: "j"): .down
        case UInt8(ascii: "a"), UInt8(ascii: "h"): .left
        case UInt8(ascii: "d"), UInt8(ascii: "l"): .right
        case UInt8(ascii: "r"): .again
        case UInt8(ascii: "q"): .quit
        default: byte == 0x03 || byte == 0x04 ? .quit : nil  // Ctrl-C, Ctrl-D
        }
    }
}
