/// What a byte may be part of, by RFC 9110 and RFC 3986: one table look-up each.
enum ByteClass {
    private static let token: UInt8 = 1
    private static let fieldValue: UInt8 = 2
    private static let target: UInt8 = 4
    private static let host: UInt8 = 8

    private static let table: [UInt8] = (0...255).map { (value: Int) -> UInt8 in
        let byte = UInt8(value)
        let isAlphanumeric = isDigit(byte) || (0x41...0x5A) ~= byte || (0x61...0x7A) ~= byte
        var classes: UInt8 = 0
        if isAlphanumeric || "!#$%&'*+-.^_`|~".utf8.contains(byte) { classes |= token }
        if byte == 0x09 || (0x20...0x7E) ~= byte || byte >= 0x80 { classes |= fieldValue }
        if (0x21...0x7E) ~= byte && byte != 0x23 { classes |= target }
        if isAlphanumeric || "-._~!$&'()*+,;=:[]%".utf8.contains(byte) { classes |= host }
        return classes
    }

    /// Part of a method or a header's name.
    static func isToken(_ byte: UInt8) -> Bool { table[Int(byte)] & token != 0 }
    /// Part of a header's value: anything but control characters, tab excepted.
    static func isFieldValue(_ byte: UInt8) -> Bool { table[Int(byte)] & fieldValue != 0 }
    /// Part of a request target: printable ASCII without space and `#`.
    static func isTarget(_ byte: UInt8) -> Bool { table[Int(byte)] & target != 0 }
    /// Part of a `Host` value.
    static func isHost(_ byte: UInt8) -> Bool { table[Int(byte)] & host != 0 }
    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39) ~= byte }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// The lower-case form of an ASCII letter; any other byte as it is.
    static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A) ~= byte ? byte | 0x20 : byte }
}
