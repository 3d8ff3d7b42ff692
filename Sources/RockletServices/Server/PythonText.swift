import Glibc

/// Texts as Python writes them: callers compare messages with what a Python server would say.
package enum PythonText {
    /// `text` in quotes, special characters escaped, as `repr` does.
    package static func quoted(_ text: String) -> String {
        let mark: UInt8 = text.utf8.contains(0x27) && !text.utf8.contains(0x22) ? 0x22 : 0x27
        var quoted: [UInt8] = [mark]
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case UInt32(mark), 0x5C: quoted += [0x5C, UInt8(scalar.value)]
            case 0x0A: quoted += "\\n".utf8
            case 0x0D: quoted += "\\r".utf8
            case 0x09: quoted += "\\t".utf8
            case 0..<0x20, 0x7F..<0xA0, 0xAD: quoted += hexadecimal(UInt8(scalar.value))
            default: quoted += UTF8.encode(scalar).map(Array.init) ?? []
            }
        }
        quoted.append(mark)
        return String(decoding: quoted, as: UTF8.self)
    }

    /// UTF-8 as text; each byte that is none becomes `\xNN`, as the error handler `backslashreplace` does.
    package static func decoded(_ bytes: [UInt8]) -> [UInt8] {
        let isValid = bytes.withUnsafeBufferPointer { buffer in
            (try? UTF8Span(validating: buffer.span)) != nil  // which byte is wrong is found below
        }
        if isValid { return bytes }
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + 64)
        var start = 0
        while start < bytes.count {
            let length = sequenceLength(bytes, start)
            if length > 0 {
                text += bytes[start..<(start + length)]
                start += length
            } else {
                text += hexadecimal(bytes[start])
                start += 1
            }
        }
        return text
    }

    /// How many bytes the character at `start` has; 0 where it is not UTF-8.
    private static func sequenceLength(_ bytes: [UInt8], _ start: Int) -> Int {
        let first = bytes[start]
        let length: Int
        switch first {
        case 0..<0x80: return 1
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF: length = 3
        case 0xF0...0xF4: length = 4
        default: return 0
        }
        guard start + length <= bytes.count else { return 0 }
        for index in (start + 1)..<(start + length) where bytes[index] & 0xC0 != 0x80 { return 0 }
        // Overlong forms, surrogates, beyond Unicode.
        switch (first, bytes[start + 1]) {
        case (0xE0, 0..<0xA0), (0xED, 0xA0...), (0xF0, 0..<0x90), (0xF4, 0x90...): return 0
        default: return length
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return [0x5C, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}

/// What the C library says about an error's number.
package enum ErrorText {
    package static func of(_ errno: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        guard strerror_r(errno, &text, text.count) == 0 else { return "Unknown error \(errno)" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
