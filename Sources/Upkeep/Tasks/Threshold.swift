import GEM

/// How much may be kept: so many bytes, or a share of the disk.
///
/// The grammar is docuum's, so that the same text means the same to both: `10 GB` is 10^10 bytes, `10 GiB` is 10 · 2^30, a lone
/// letter counts in thousands, and `80%` is a share of the disk that the images are on.
package enum Threshold: Sendable, Equatable, CustomStringConvertible {
    case bytes(Int64)
    /// 0 to 100.
    case percent(Double)

    /// Reads `text`; `nil` unless it fits the grammar.
    package init?(_ text: String) {
        let text = text.lowercased()
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text[digits.endIndex...].drop { $0 == " " }
        guard let number = Double(digits), number.isFinite else { return nil }
        if unit == "%" {
            guard 0...100 ~= number else { return nil }
            self = .percent(number)
            return
        }
        let letters: [Substring] = ["k", "m", "g", "t", "p"]
        let factor: Double
        switch unit {
        case "", "b": factor = 1
        default:
            guard let power = letters.firstIndex(of: unit.prefix(1)) else { return nil }
            let base: Double
            switch unit.dropFirst() {
            case "", "b": base = 1000
            case "i", "ib": base = 1024
            default: return nil
            }
            factor = (0...power).reduce(1) { product, _ in product * base }
        }
        guard number * factor < 0x1p62 else { return nil }
        self = .bytes(Int64((number * factor).rounded(.up)))
    }

    /// In bytes, on a disk of `disk` bytes.
    package func bytes(of disk: Int64) -> Int64 {
        switch self {
        case .bytes(let bytes): bytes
        case .percent(let share): Int64((Double(disk) * share / 100).rounded(.down))
        }
    }

    /// As docuum takes it.
    package var description: String {
        switch self {
        case .bytes(let bytes): "\(bytes) B"
        case .percent(let share): Int(exactly: share).map { "\($0)%" } ?? "\(share)%"
        }
    }
}

extension TaskParameters {
    /// The threshold called `name`; `nil` where it is absent.
    mutating func threshold(_ name: String) throws(Failure) -> Threshold? {
        guard let text = try text(name) else { return nil }
        guard let threshold = Threshold(text) else {
            throw refusal(name, "a size such as 500 GB or 1T, or a share such as 80%")
        }
        return threshold
    }
}
