/// A size in bytes, written as ROCK writes sizes: a number, blanks, and one of `b k m g t`, optionally followed by `b` or `ib`.
package struct ByteCount: RawRepresentable, CustomStringConvertible, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Reads `text`; `nil` unless it fits the grammar and is a number that `Int` holds. Units are powers of 1024.
    package init?(_ text: some StringProtocol) {
        let text = text.lowercased()
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text[digits.endIndex...].drop { $0 == " " }
        let factor: Double? =
            switch unit {
            case "", "b": 1
            case "k", "kb", "ki", "kib": 1024
            case "m", "mb", "mi", "mib": 1_048_576
            case "g", "gb", "gi", "gib": 1_073_741_824
            case "t", "tb", "ti", "tib": 1_099_511_627_776
            default: nil
            }
        guard let factor, let number = Double(digits), number.isFinite, number * factor < 0x1p62 else { return nil }
        rawValue = Int((number * factor).rounded(.up))
    }

    package var description: String {
        for (unit, factor) in [("t", 1 << 40), ("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)]
        where rawValue >= factor && rawValue % factor == 0 { return "\(rawValue / factor)\(unit)" }
        return "\(rawValue)"
    }
}
