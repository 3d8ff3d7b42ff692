/// The name of one sandbox.
public struct SandboxID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    /// Fails unless `rawValue` is 1–63 bytes of `a–z`, `0–9` or `-`.
    public init?(rawValue: String) {
        // It becomes a path component and a host name (RFC 1123 label).
        let isAllowed = { (byte: UInt8) in byte == 0x2D || (0x30...0x39) ~= byte || (0x61...0x7A) ~= byte }
        guard 1...63 ~= rawValue.utf8.count, rawValue.utf8.allSatisfy(isAllowed) else { return nil }
        self.rawValue = rawValue
    }

    private init(digits: String) { rawValue = digits }

    /// A name that nobody can guess: 32 hexadecimal digits.
    public static func random() -> SandboxID {
        var generator = SystemRandomNumberGenerator()
        let digits = [generator.next(), generator.next()].map { (word: UInt64) in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }
        return SandboxID(digits: digits.joined())
    }

    public var description: String { rawValue }
}
