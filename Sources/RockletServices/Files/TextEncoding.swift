/// A way to write text as bytes, by the names that Python knows it under.
enum TextEncoding: Equatable {
    case utf8, utf8WithMark, ascii, latin1, windows1252
    /// Two or four bytes a unit; where the order is `nil`, a mark in front tells it.
    case utf16(ByteOrder?), utf32(ByteOrder?)

    enum ByteOrder: Equatable { case little, big }

    /// - Throws: ``RockletException``: `LookupError` for a name that is none of these.
    init(named name: String) throws(RockletException) {
        let plain = name.lowercased().utf8.filter { $0 != 0x2D && $0 != 0x5F && $0 != 0x20 }
        switch String(decoding: plain, as: UTF8.self) {
        case "utf8", "u8", "utf", "cp65001": self = .utf8
        case "utf8sig": self = .utf8WithMark
        case "ascii", "usascii", "646", "ansix3.41968", "iso646us": self = .ascii
        case "latin1", "latin", "l1", "iso88591", "8859", "cp819", "iso885911987": self = .latin1
        case "cp1252", "windows1252", "1252": self = .windows1252
        case "utf16", "u16": self = .utf16(nil)
        case "utf16le", "utf16el", "unicodelittleunmarked": self = .utf16(.little)
        case "utf16be", "unicodebigunmarked": self = .utf16(.big)
        case "utf32", "u32": self = .utf32(nil)
        case "utf32le": self = .utf32(.little)
        case "utf32be": self = .utf32(.big)
        default:
            throw RockletException(
                .lookup,
                "unknown encoding: \(name); known are utf-8, utf-8-sig, ascii, latin-1, cp1252, utf-16 and utf-32")
        }
    }

    /// What it is called in errors.
    var name: String {
        switch self {
        case .utf8, .utf8WithMark: "utf-8"
        case .ascii: "ascii"
        case .latin1: "latin-1"
        case .windows1252: "charmap"
        case .utf16(nil): "utf-16"
        case .utf16(.little): "utf-16-le"
        case .utf16(.big): "utf-16-be"
        case .utf32(nil): "utf-32"
        case .utf32(.little): "utf-32-le"
        case .utf32(.big): "utf-32-be"
        }
    }
}

/// What becomes of bytes that are no text.
enum UndecodableBytes: String {
    case strict, ignore, replace, backslashreplace
}

/// Turns bytes into UTF-8, as Python's codecs do.
struct TextDecoder {
    private let encoding: TextEncoding
    /// The policy's name, which is looked at only where there is something to decide.
    private let policy: String
    private var text: [UInt8] = []

    init(_ encoding: TextEncoding, policy: String = "strict") {
        self.encoding = encoding
        self.policy = policy
    }

    /// - Returns: The text in UTF-8.
    /// - Throws: ``RockletException``: `UnicodeDecodeError` at the first bytes that are no text, where the policy is strict.
    consuming func decode(_ bytes: [UInt8]) throws(RockletException) -> [UInt8] {
        switch encoding {
        case .utf8: return try decodeUTF8(bytes, from: 0)
        case .utf8WithMark: return try decodeUTF8(bytes, from: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
        case .ascii:
            if bytes.allSatisfy({ $0 < 0x80 }) { return bytes }
            try eachByte(bytes, "ordinal not in range(128)") { $0 < 0x80 ? UInt32($0) : nil }
        case .latin1:
            if bytes.allSatisfy({ $0 < 0x80 }) { return bytes }
            try eachByte(bytes, "") { UInt32($0) }
        case .windows1252:
            try eachByte(bytes, "character maps to <undefined>", Self.windows1252)
        case .utf16(let order): try decodeUTF16(bytes, order)
        case .utf32(let order): try decodeUTF32(bytes, order)
        }
        return text
    }

    // MARK: Encodings

    private mutating func decodeUTF8(_ bytes: [UInt8], from begin: Int) throws(RockletException) -> [UInt8] {
        if (try? UTF8Span(validating: bytes.span)) != nil { return begin == 0 ? bytes : Array(bytes[begin...]) }
        var start = begin
        while start < bytes.count {
            let first = bytes[start]
            let (length, second): (Int, ClosedRange<UInt8>) =
                switch first {
                case 0..<0x80: (1, 0x80...0xBF)
                case 0xC2...0xDF: (2, 0x80...0xBF)
                case 0xE0: (3, 0xA0...0xBF)
                case 0xED: (3, 0x80...0x9F)
                case 0xE1...0xEF: (3, 0x80...0xBF)
                case 0xF0: (4, 0x90...0xBF)
                case 0xF1...0xF3: (4, 0x80...0xBF)
                case 0xF4: (4, 0x80...0x8F)
                default: (0, 0x80...0xBF)
                }
            guard length > 0 else {
                try undecodable(bytes, start..<(start + 1), "invalid start byte")
                start += 1
                continue
            }
            var end = start + 1
            while end < min(start + length, bytes.count),
                (end == start + 1 ? second : 0x80...0xBF).contains(bytes[end])
            { end += 1 }
            if end == start + length {
                text += bytes[start..<end]
            } else {
                let reason = end == bytes.count ? "unexpected end of data" : "invalid continuation byte"
                try undecodable(bytes, start..<end, reason)
            }
            start = end
        }
        return text
    }

    private mutating func eachByte(
        _ bytes: [UInt8], _ reason: String, _ scalar: (UInt8) -> UInt32?
    ) throws(RockletException) {
        text.reserveCapacity(bytes.count)
        for index in bytes.indices {
            if let value = scalar(bytes[index]) {
                append(value)
            } else {
                try undecodable(bytes, index..<(index + 1), reason)
            }
        }
    }

    private mutating func decodeUTF16(_ bytes: [UInt8], _ given: TextEncoding.ByteOrder?) throws(RockletException) {
        var start = 0
        let order = Self.order(bytes, given, width: 2, &start)
        let unit = { (at: Int) in
            order == .little
                ? UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 : UInt32(bytes[at + 1]) | UInt32(bytes[at]) << 8
        }
        while start < bytes.count {
            guard start + 2 <= bytes.count else {
                return try undecodable(bytes, start..<bytes.count, "truncated data")
            }
            let first = unit(start)
            switch first {
            case 0xD800..<0xDC00:
                guard start + 4 <= bytes.count else {
                    return try undecodable(bytes, start..<bytes.count, "unexpected end of data")
                }
                let second = unit(start + 2)
                if (0xDC00..<0xE000).contains(second) {
                    append(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
                    start += 2
                } else {
                    try undecodable(bytes, start..<(start + 2), "illegal UTF-16 surrogate")
                }
            case 0xDC00..<0xE000: try undecodable(bytes, start..<(start + 2), "illegal encoding")
            default: append(first)
            }
            start += 2
        }
    }

    private mutating func decodeUTF32(_ bytes: [UInt8], _ given: TextEncoding.ByteOrder?) throws(RockletException) {
        var start = 0
        let order = Self.order(bytes, given, width: 4, &start)
        while start < bytes.count {
            guard start + 4 <= bytes.count else {
                return try undecodable(bytes, start..<bytes.count, "truncated data")
            }
            let four = bytes[start..<(start + 4)]
            let value = (order == .little ? Array(four.reversed()) : Array(four)).reduce(UInt32(0)) {
                $0 << 8 | UInt32($1)
            }
            if Unicode.Scalar(value) != nil {
                append(value)
            } else {
                let isSurrogate = (0xD800..<0xE000).contains(value)
                try undecodable(
                    bytes, start..<(start + 4),
                    isSurrogate
                        ? "code point in surrogate code point range(0xd800, 0xe000)"
                        : "code point not in range(0x110000)")
            }
            start += 4
        }
    }

    /// The order of a unit's bytes: as given, or told by a mark, which is skipped; else the machine's own.
    private static func order(
        _ bytes: [UInt8], _ given: TextEncoding.ByteOrder?, width: Int, _ start: inout Int
    ) -> TextEncoding.ByteOrder {
        if let given { return given }
        let little: [UInt8] = width == 2 ? [0xFF, 0xFE] : [0xFF, 0xFE, 0, 0]
        if bytes.starts(with: little) {
            start = width
            return .little
        }
        if bytes.starts(with: little.reversed()) {
            start = width
            return .big
        }
        return .little
    }

    /// The upper half differs from Latin-1 in 0x80–0x9F only.
    private static func windows1252(_ byte: UInt8) -> UInt32? {
        let special: [UInt32] = [
            0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,
            0x017D,
            0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,
            0x017E, 0x0178,
        ]
        guard (0x80...0x9F).contains(byte) else { return UInt32(byte) }
        let value = special[Int(byte - 0x80)]
        return value == 0 ? nil : value
    }

    // MARK: Results

    private mutating func append(_ value: UInt32) {
        if value < 0x80 {
            text.append(UInt8(value))
        } else if let scalar = Unicode.Scalar(value), let units = UTF8.encode(scalar) {
            text += units
        }
    }

    private mutating func undecodable(
        _ bytes: [UInt8], _ range: Range<Int>, _ reason: String
    ) throws(RockletException) {
        switch UndecodableBytes(rawValue: policy) {
        case .ignore: break
        case .replace: text += [0xEF, 0xBF, 0xBD]
        case .backslashreplace: for byte in bytes[range] { text += Array("\\x\(Self.hex(byte))".utf8) }
        case .strict:
            let place =
                range.count == 1
                ? "byte 0x\(Self.hex(bytes[range.lowerBound])) in position \(range.lowerBound)"
                : "bytes in position \(range.lowerBound)-\(range.upperBound - 1)"
            throw RockletException(.unicodeDecode, "'\(encoding.name)' codec can't decode \(place): \(reason)")
        case nil:
            throw RockletException(
                .lookup,
                "unknown error handler name '\(policy)'; known are strict, ignore, replace and backslashreplace")
        }
    }

    private static func hex(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}

/// Makes every way to end a line a line feed.
func withUniversalNewlines(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(0x0D) else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var previous: UInt8 = 0
    for byte in text {
        if byte == 0x0D {
            result.append(0x0A)
        } else if byte != 0x0A || previous != 0x0D {
            result.append(byte)
        }
        previous = byte
    }
    return result
}
