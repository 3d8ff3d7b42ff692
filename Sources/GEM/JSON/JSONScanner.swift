/// Walks through a JSON text (RFC 8259, strictly) without building anything.
///
/// It is the one reader of JSON: ``JSON`` builds its tree on it, and the front door and the service use it to find the bytes
/// they want. Every method takes the text it walks through, always the same one. A scanner neither copies nor keeps the
/// text; the ranges it gives hold for as long as the text is unchanged.
///
/// Names that an object holds twice are refused by ``JSON`` and by ``members(in:)``, not by ``skipValue(in:)``, which
/// would have to remember all of them.
public struct JSONScanner: Sendable {
    /// How many arrays and objects may be open at a time.
    public static let maximumDepth = 128

    /// The next byte to be read.
    public private(set) var offset: Int

    /// Starts at `offset` of a text.
    public init(at offset: Int = 0) { self.offset = offset }

    /// Checks that `text` is one JSON value with nothing but blanks around it.
    ///
    /// A valid text holds line feeds and carriage returns only between its tokens; ``JSON/joinLines(of:)`` relies on it.
    /// - Returns: Where the value is, without the blanks.
    /// - Throws: ``JSONError`` at the first byte that cannot be read.
    public static func validate(_ text: Span<UInt8>) throws(JSONError) -> Range<Int> {
        var scanner = JSONScanner()
        let value = try scanner.skipValue(in: text)
        try scanner.expectEnd(in: text)
        return value
    }

    // MARK: Between tokens

    /// The first byte of the next token, which is not consumed; `nil` at the end of the text.
    @inline(__always)
    public mutating func peek(in text: Span<UInt8>) -> UInt8? {
        while offset < text.count {
            let byte = text[offset]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            offset += 1
        }
        return nil
    }

    /// Fails unless nothing but blanks is left of `text`.
    public mutating func expectEnd(in text: Span<UInt8>) throws(JSONError) {
        if peek(in: text) != nil { throw failure(.end) }
    }

    /// A failure at the next byte.
    func failure(_ expected: JSONError.Expectation) -> JSONError { JSONError(at: offset, expected: expected) }

    /// Takes note that `count` bytes have been read.
    @inline(__always)
    mutating func advance(by count: Int) { offset += count }

    /// Consumes `token` if it is next.
    @inline(__always)
    mutating func take(_ token: UInt8, in text: Span<UInt8>) -> Bool {
        guard peek(in: text) == token else { return false }
        offset += 1
        return true
    }

    // MARK: Values

    /// Checks the next value, however deep, and walks past it.
    ///
    /// - Returns: Where the value is, without blanks around it.
    /// - Throws: ``JSONError`` where it is not JSON or opens more than ``maximumDepth`` levels.
    public mutating func skipValue(in text: Span<UInt8>) throws(JSONError) -> Range<Int> {
        _ = peek(in: text)
        let start = offset
        // One bit a level, the innermost lowest: 1 for an object, 0 for an array.
        var levels: UInt128 = 0
        var depth = 0
        while true {
            guard let first = peek(in: text) else { throw failure(.value) }
            if first == 0x7B || first == 0x5B {
                guard depth < Self.maximumDepth else { throw failure(.fewerLevels) }
                let isObject = first == 0x7B
                offset += 1
                if !take(isObject ? 0x7D : 0x5D, in: text) {
                    depth += 1
                    levels = levels << 1 | (isObject ? 1 : 0)
                    if isObject { try skipName(in: text) }
                    continue
                }
            } else {
                try skipScalar(first, in: text)
            }
            // A value is complete: close what ends here, then go on to the next value.
            closing: while true {
                guard depth > 0 else { return start..<offset }
                let isObject = levels & 1 == 1
                switch peek(in: text) {
                case 0x2C:
                    offset += 1
                    if isObject { try skipName(in: text) }
                    break closing
                case (isObject ? 0x7D : 0x5D):
                    offset += 1
                    depth -= 1
                    levels >>= 1
                default: throw failure(isObject ? .commaOrBrace : .commaOrBracket)
                }
            }
        }
    }

    /// Walks past the string, number or literal that begins with `first`.
    @inline(__always)
    private mutating func skipScalar(_ first: UInt8, in text: Span<UInt8>) throws(JSONError) {
        switch first {
        case 0x22: _ = try scanString(in: text)
        case 0x2D, 0x30...0x39: _ = try scanNumber(in: text)
        case 0x74: try scanLiteral("true", in: text)
        case 0x66: try scanLiteral("false", in: text)
        case 0x6E: try scanLiteral("null", in: text)
        default: throw failure(.value)
        }
    }

    @inline(__always)
    private mutating func skipName(in text: Span<UInt8>) throws(JSONError) {
        guard peek(in: text) == 0x22 else { throw failure(.memberName) }
        _ = try scanString(in: text)
        guard take(0x3A, in: text) else { throw failure(.colon) }
    }

    /// Walks past `literal`, of which the first byte has been seen.
    mutating func scanLiteral(_ literal: StaticString, in text: Span<UInt8>) throws(JSONError) {
        let letters = UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        for (place, letter) in letters.enumerated() where offset + place >= text.count || text[offset + place] != letter
        {
            throw failure(.value)
        }
        offset += letters.count
    }

    /// Walks past a number, of which the first byte has been seen: a minus sign or a digit.
    ///
    /// - Returns: Where it is, and whether it is written as a plain integer, without fraction and exponent.
    mutating func scanNumber(in text: Span<UInt8>) throws(JSONError) -> (range: Range<Int>, isInteger: Bool) {
        let start = offset
        if text[offset] == 0x2D { offset += 1 }
        if offset < text.count, text[offset] == 0x30 {
            offset += 1
        } else {
            try scanDigits(in: text)
        }
        var isInteger = true
        if offset < text.count, text[offset] == 0x2E {
            isInteger = false
            offset += 1
            try scanDigits(in: text)
        }
        if offset < text.count, text[offset] | 0x20 == 0x65 {
            isInteger = false
            offset += 1
            if offset < text.count, text[offset] == 0x2B || text[offset] == 0x2D { offset += 1 }
            try scanDigits(in: text)
        }
        return (start..<offset, isInteger)
    }

    private mutating func scanDigits(in text: Span<UInt8>) throws(JSONError) {
        let start = offset
        while offset < text.count, 0x30...0x39 ~= text[offset] { offset += 1 }
        if offset == start { throw failure(.digit) }
    }
}
