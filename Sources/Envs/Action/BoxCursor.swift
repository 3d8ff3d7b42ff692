import GEM

/// A place inside a box, and the few things that the games' forms are made of.
///
/// Each reader moves past what it reads; where it fails it stays.
struct BoxCursor {
    /// Python refuses to convert longer numbers, so no trace can hold one.
    static let digitLimit = 4300

    /// The next byte to read.
    private(set) var offset: Int
    /// Whether a number was longer than any that counts.
    private(set) var sawOverlongNumber = false

    init(offset: Int) { self.offset = offset }

    /// Reads exactly `byte`.
    mutating func take(_ byte: UInt8, in text: Action) -> Bool {
        guard offset < text.count, text[offset] == byte else { return false }
        offset += 1
        return true
    }

    /// Whether `byte` comes next.
    func isAt(_ byte: UInt8, in text: Action) -> Bool { offset < text.count && text[offset] == byte }

    /// Reads one ASCII letter.
    mutating func letter(in text: Action) -> UInt8? {
        guard offset < text.count, (0x61...0x7A) ~= text[offset] | 0x20 else { return nil }
        offset += 1
        return text[offset - 1]
    }

    /// Reads one or more decimal digits of any script as one number; stays at `Int.max` where it would overflow.
    mutating func number(in text: Action) -> Int? {
        var value = 0
        var digits = 0
        while let (digit, length) = digit(in: text) {
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, carries) = product.addingReportingOverflow(digit)
            value = overflows || carries ? Int.max : sum
            digits += 1
            offset += length
        }
        if digits > Self.digitLimit { sawOverlongNumber = true }
        return digits > 0 ? value : nil
    }

    /// Reads exactly one white-space character, in Python's meaning of the word.
    mutating func blank(in text: Action) -> Unicode.Scalar? {
        guard let (scalar, length) = scalar(in: text), Self.isBlank(scalar) else { return nil }
        offset += length
        return scalar
    }

    /// Reads as many white-space characters as there are, and says how many.
    mutating func blanks(in text: Action) -> Int {
        var count = 0
        while blank(in: text) != nil { count += 1 }
        return count
    }

    private func digit(in text: Action) -> (Int, length: Int)? {
        guard let (scalar, length) = scalar(in: text) else { return nil }
        if scalar.value < 0x80 { return (0x30...0x39) ~= scalar.value ? (Int(scalar.value) - 0x30, length) : nil }
        guard scalar.properties.generalCategory == .decimalNumber, let value = scalar.properties.numericValue
        else { return nil }
        return (Int(value), length)
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// The character at the cursor and its length in bytes; `nil` at the end or where the bytes are not UTF-8.
    private func scalar(in text: Action) -> (Unicode.Scalar, length: Int)? {
        guard offset < text.count else { return nil }
        let lead = text[offset]
        if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC0, offset + length <= text.count else { return nil }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for index in offset + 1..<offset + length { value = value << 6 | UInt32(text[index] & 0x3F) }
        return Unicode.Scalar(value).map { ($0, length) }
    }
}

extension Action {
    /// Whether the bytes at `range` spell `word`, which is in lower-case ASCII letters.
    func spells(_ word: StaticString, at range: Range<Int>, ignoringCase: Bool = true) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        let fold: UInt8 = ignoringCase ? 0x20 : 0
        for index in range where self[index] | fold != word.utf8Start[index - range.lowerBound] { return false }
        return true
    }
}
