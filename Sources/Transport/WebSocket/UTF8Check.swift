/// Tells whether bytes that come in pieces are UTF-8, at the first byte that cannot be.
struct UTF8Check {
    /// How many bytes of the current scalar are to come, and what the next of them may be.
    private var missing = 0
    private var next: ClosedRange<UInt8> = 0x80...0xBF

    /// Whether a scalar is complete: where text may end.
    var isComplete: Bool { missing == 0 }

    /// - Returns: Whether `bytes` can follow what came before.
    mutating func accept(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices {
            let byte = bytes[index]
            if missing == 0 {
                if byte < 0x80 { continue }
                guard begin(byte) else { return false }
            } else {
                guard next.contains(byte) else { return false }
                missing -= 1
                next = 0x80...0xBF
            }
        }
        return true
    }

    /// The second byte's range rules out overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629, section 4).
    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF: (missing, next) = (1, 0x80...0xBF)
        case 0xE0: (missing, next) = (2, 0xA0...0xBF)
        case 0xED: (missing, next) = (2, 0x80...0x9F)
        case 0xE1...0xEF: (missing, next) = (2, 0x80...0xBF)
        case 0xF0: (missing, next) = (3, 0x90...0xBF)
        case 0xF1...0xF3: (missing, next) = (3, 0x80...0xBF)
        case 0xF4: (missing, next) = (3, 0x80...0x8F)
        default: return false
        }
        return true
    }
}
