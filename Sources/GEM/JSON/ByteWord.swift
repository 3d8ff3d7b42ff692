/// Eight bytes of text looked at together, the first in the lowest byte.
///
/// The tests below mark bytes by their top bit. A subtraction may carry a false mark into bytes *behind* a true one, never
/// in front of it, so the lowest mark is always exact.
struct ByteWord {
    /// How many bytes are looked at together.
    static let width = 8

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    private let bits: UInt64

    /// Reads the eight bytes of `text` from `offset` on, which must exist.
    @inline(__always)
    init(_ text: RawSpan, at offset: Int) {
        self.init(bits: text.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    init(bits: UInt64) { self.bits = UInt64(littleEndian: bits) }

    /// Marks the bytes that a JSON string cannot hold as they are: `"`, `\` and everything below a blank.
    @inline(__always)
    var needsEscape: Marks {
        let quotes = bits ^ (Self.ones &* 0x22)
        let backslashes = bits ^ (Self.ones &* 0x5C)
        let zeros = ((quotes &- Self.ones) & ~quotes) | ((backslashes &- Self.ones) & ~backslashes)
        let controls = (bits &- Self.ones &* 0x20) & ~bits
        return Marks(bits: (zeros | controls) & Self.tops)
    }

    /// Marks what ``needsEscape`` marks, and every byte beyond ASCII.
    @inline(__always)
    var endsPlainText: Marks { Marks(bits: needsEscape.bits | (bits & Self.tops)) }

    /// Which of the eight bytes a test has marked.
    struct Marks {
        fileprivate let bits: UInt64

        @inline(__always)
        var isEmpty: Bool { bits == 0 }

        /// The place of the first marked byte, 0 to 7; 8 where there is none.
        @inline(__always)
        var first: Int { bits.trailingZeroBitCount >> 3 }
    }
}
