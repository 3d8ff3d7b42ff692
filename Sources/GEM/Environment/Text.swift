/// UTF-8 text under construction, in storage that is used again for every turn.
///
/// Environments write observations at millions a second; appending to a `String` would validate and reallocate each.
public struct Text: Equatable, Sendable {
    /// The text so far; whoever changes it keeps it valid UTF-8.
    public var bytes: [UInt8] = []

    public init() {}

    /// Empties the text and keeps its storage.
    @inlinable
    public mutating func clear() { bytes.removeAll(keepingCapacity: true) }

    /// Appends one ASCII character.
    @inlinable
    public mutating func append(ascii byte: UInt8) { bytes.append(byte) }

    /// Appends a literal without making a `String` of it.
    @inlinable
    public mutating func append(_ literal: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Appends `string`.
    @inlinable
    public mutating func append(string: some StringProtocol) { bytes.append(contentsOf: string.utf8) }

    /// Appends bytes that the caller knows to be UTF-8.
    @inlinable
    public mutating func append(utf8: some Sequence<UInt8>) { bytes.append(contentsOf: utf8) }

    /// Appends `number` in decimal, right-aligned with blanks to at least `width` characters.
    public mutating func append(_ number: Int, width: Int = 0) {
        // Turns, coordinates and most tiles.
        if 0..<100 ~= number {
            for _ in 0..<max(0, width - (number < 10 ? 1 : 2)) { bytes.append(0x20) }
            if number >= 10 { bytes.append(0x30 + UInt8(number / 10)) }
            bytes.append(0x30 + UInt8(number % 10))
            return
        }
        var digits = (UInt64(0), UInt64(0), UInt64(0))  // room for 20 digits and a sign
        withUnsafeMutableBytes(of: &digits) { room in
            var start = room.count
            var rest = number.magnitude
            repeat {
                start -= 1
                room[start] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
                rest /= 10
            } while rest > 0
            if number < 0 {
                start -= 1
                room[start] = 0x2D
            }
            for _ in 0..<max(0, width - (room.count - start)) { bytes.append(0x20) }
            bytes.append(contentsOf: room[start...])
        }
    }

    /// The text as a `String`, for tests and for people.
    public var string: String { String(decoding: bytes, as: UTF8.self) }
}
