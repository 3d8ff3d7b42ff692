/// A string of a JSON text.
public struct JSONString: Equatable, Sendable {
    /// Where its content is, without the quotes, still escaped.
    public let range: Range<Int>
    /// Whether the content holds a `\`, so that its bytes are not its meaning.
    public let hasEscapes: Bool

    public init(range: Range<Int>, hasEscapes: Bool) {
        self.range = range
        self.hasEscapes = hasEscapes
    }

    /// Whether the string's meaning is `name`, an ASCII word.
    public func equals(_ name: StaticString, in text: Span<UInt8>) -> Bool {
        if hasEscapes {
            var plain: [UInt8] = []
            appendMeaning(of: text, to: &plain)
            return plain.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        }
        guard range.count == name.utf8CodeUnitCount else { return false }
        for place in 0..<range.count where text[range.lowerBound + place] != name.utf8Start[place] { return false }
        return true
    }

    /// Appends what the string of the scanned `text` means, as UTF-8.
    public func appendMeaning(of text: Span<UInt8>, to plain: inout [UInt8]) {
        guard hasEscapes else { return append(text, range, to: &plain) }
        var at = range.lowerBound
        while at < range.upperBound {
            let start = at
            while at < range.upperBound, text[at] != 0x5C { at += 1 }
            append(text, start..<at, to: &plain)
            if at < range.upperBound { at = appendEscape(of: text, at: at, to: &plain) }
        }
    }

    /// What the string of the scanned `text` means.
    public func meaning(of text: Span<UInt8>) -> String {
        guard hasEscapes else {
            return text.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
        var plain: [UInt8] = []
        appendMeaning(of: text, to: &plain)
        return String(decoding: plain, as: UTF8.self)
    }

    @inline(__always)
    private func append(_ text: Span<UInt8>, _ range: Range<Int>, to plain: inout [UInt8]) {
        text.extracting(range).withUnsafeBufferPointer { plain.append(contentsOf: $0) }
    }

    /// Appends the character of the escape at `at`, which the scanner has found to be sound.
    /// - Returns: The offset behind the escape.
    private func appendEscape(of text: Span<UInt8>, at: Int, to plain: inout [UInt8]) -> Int {
        switch text[at + 1] {
        case 0x62: plain.append(0x08)
        case 0x66: plain.append(0x0C)
        case 0x6E: plain.append(0x0A)
        case 0x72: plain.append(0x0D)
        case 0x74: plain.append(0x09)
        case 0x75:
            var code = codeUnit(of: text, at: at + 2)
            var end = at + 6
            if 0xD800...0xDBFF ~= code {
                code = 0x10000 + (code - 0xD800) << 10 + (codeUnit(of: text, at: at + 8) - 0xDC00)
                end = at + 12
            }
            appendScalar(code, to: &plain)
            return end
        case let same: plain.append(same)
        }
        return at + 2
    }

    private func codeUnit(of text: Span<UInt8>, at: Int) -> UInt32 {
        var code: UInt32 = 0
        for place in at..<at + 4 { code = code << 4 | (hexValue(text[place]) ?? 0) }
        return code
    }

    private func appendScalar(_ code: UInt32, to plain: inout [UInt8]) {
        let tail = { (shift: UInt32) in UInt8(0x80 | (code >> shift) & 0x3F) }
        switch code {
        case 0..<0x80: plain.append(UInt8(code))
        case 0x80..<0x800: plain += [UInt8(0xC0 | code >> 6), tail(0)]
        case 0x800..<0x10000: plain += [UInt8(0xE0 | code >> 12), tail(6), tail(0)]
        default: plain += [UInt8(0xF0 | code >> 18), tail(12), tail(6), tail(0)]
        }
    }
}

extension JSONScanner {
    /// What the string at `range` of a scanned `text` means; `nil` where another value is there.
    public static func string(at range: Range<Int>, in text: Span<UInt8>) -> String? {
        var scanner = JSONScanner(at: range.lowerBound)
        // The text has been scanned: the only error left is that no string is there.
        return (try? scanner.readString(in: text))?.meaning(of: text)
    }

    /// Walks past the string whose opening quote is the next byte, and checks its escapes and its UTF-8.
    mutating func scanString(in text: Span<UInt8>) throws(JSONError) -> JSONString {
        let bytes = text.bytes
        let count = text.count
        let start = offset + 1
        var at = start
        var hasEscapes = false
        while true {
            // Most text is plain: walk eight bytes at a time to the first that is not.
            while at &+ ByteWord.width <= count {
                let marks = ByteWord(bytes, at: at).endsPlainText
                at &+= marks.first
                if !marks.isEmpty { break }
            }
            guard at < count else { throw JSONError(at: count, expected: .closingQuote) }
            switch text[at] {
            case 0x22:
                advance(by: at + 1 - offset)
                return JSONString(range: start..<at, hasEscapes: hasEscapes)
            case 0x5C:
                hasEscapes = true
                at = try escapeEnd(in: text, at: at)
            case 0x00..<0x20: throw JSONError(at: at, expected: .escapedControl)
            case 0x80...0xFF:
                // Where one such character is, more follow: stay with them.
                repeat { at = try sequenceEnd(in: text, at: at) } while at < count && text[at] >= 0x80
            default: at += 1
            }
        }
    }

    /// The offset behind the escape whose `\` is at `at`.
    private func escapeEnd(in text: Span<UInt8>, at: Int) throws(JSONError) -> Int {
        guard at + 1 < text.count else { throw JSONError(at: text.count, expected: .escape) }
        switch text[at + 1] {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: return at + 2
        case 0x75: break
        default: throw JSONError(at: at + 1, expected: .escape)
        }
        switch try codeUnit(in: text, at: at + 2) {
        case 0xD800...0xDBFF:
            guard at + 7 < text.count, text[at + 6] == 0x5C, text[at + 7] == 0x75,
                0xDC00...0xDFFF ~= (try codeUnit(in: text, at: at + 8))
            else { throw JSONError(at: at + 6, expected: .lowSurrogate) }
            return at + 12
        case 0xDC00...0xDFFF: throw JSONError(at: at, expected: .noLoneLowSurrogate)
        default: return at + 6
        }
    }

    private func codeUnit(in text: Span<UInt8>, at: Int) throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for place in at..<at + 4 {
            guard place < text.count, let digit = hexValue(text[place]) else {
                throw JSONError(at: min(place, text.count), expected: .hexDigits)
            }
            code = code << 4 | digit
        }
        return code
    }

    /// The offset behind the UTF-8 sequence of two to four bytes that begins at `at`.
    @inline(__always)
    private func sequenceEnd(in text: Span<UInt8>, at: Int) throws(JSONError) -> Int {
        // The second byte's range rules out overlong forms, surrogates and what lies beyond U+10FFFF.
        let second: ClosedRange<UInt8>
        let length: Int
        switch text[at] {
        case 0xC2...0xDF: (second, length) = (0x80...0xBF, 2)
        case 0xE0: (second, length) = (0xA0...0xBF, 3)
        case 0xED: (second, length) = (0x80...0x9F, 3)
        case 0xE1...0xEF: (second, length) = (0x80...0xBF, 3)
        case 0xF0: (second, length) = (0x90...0xBF, 4)
        case 0xF1...0xF3: (second, length) = (0x80...0xBF, 4)
        case 0xF4: (second, length) = (0x80...0x8F, 4)
        default: throw JSONError(at: at, expected: .utf8)
        }
        guard at + length <= text.count, second ~= text[at + 1] else { throw JSONError(at: at, expected: .utf8) }
        for place in at + 2..<max(at + 2, at + length) where text[place] & 0xC0 != 0x80 {
            throw JSONError(at: at, expected: .utf8)
        }
        return at + length
    }
}

/// The value of a hexadecimal digit in either case.
private func hexValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x37)
    case 0x61...0x66: UInt32(byte - 0x57)
    default: nil
    }
}
