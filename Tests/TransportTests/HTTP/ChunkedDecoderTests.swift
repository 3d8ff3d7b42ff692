import Testing

@testable import Transport

private enum Verdict: Equatable {
    /// The body, and what was left for the next message.
    case ended([UInt8], rest: [UInt8])
    case incomplete([UInt8])
    case refused(UInt16)
}

private func decode(_ pieces: [ArraySlice<UInt8>]) -> Verdict {
    var decoder = ChunkedDecoder()
    var input = InputBuffer()
    var body: [UInt8] = []
    do throws(HTTPError) {
        for (index, piece) in pieces.enumerated() {
            Array(piece).withUnsafeBytes { input.append($0) }
            if try decoder.append(from: &input, to: &body, limit: 1000, of: 1000) {
                return .ended(body, rest: input.take(input.count) + pieces[(index + 1)...].joined())
            }
        }
        return .incomplete(body)
    } catch {
        return .refused(error.status.rawValue)
    }
}

@Suite struct ChunkedDecoderTests {
    static let accepted: [(String, String, String)] = [
        ("0\r\n\r\n", "", ""),
        ("5\r\nhello\r\n0\r\n\r\nGET", "hello", "GET"),
        ("A\r\n0123456789\r\n00b;x=\"y\"\r\n0123456789-\r\n0;z\r\n\r\n", "01234567890123456789-", ""),
        ("1\r\n\n\r\n0\r\nTrailer: t\r\nB: c\r\n\r\nrest", "\n", "rest"),
    ]

    static let refused: [(String, UInt16)] = [
        ("\r\n", 400), ("g\r\n", 400), ("-1\r\n", 400), ("0x5\r\nhello", 400), (" 5\r\nhello", 400),
        ("5 \r\nhello", 400),
        ("5\nhello", 400), ("5\rhello", 400), ("5\r\nhelloX\r\n", 400), ("5\r\nhello\n0\r\n\r\n", 400),
        ("5\r\nhello\r\n\r\n", 400), ("0\r\n\n", 400), ("0\r\n x: y\r\n\r\n", 400), ("5;a\nb\r\nhello", 400),
        ("10000000000000000\r\n", 413), ("FFFFFFFFFFFFFFFF\r\n", 413), ("0\r\nA: b\0\r\n\r\n", 400),
        ("0;\(String(repeating: "x", count: 9000))\r\n\r\n", 400),
        ("3e9\r\n\(String(repeating: "x", count: 1001))\r\n0\r\n\r\n", 413),
    ]

    @Test(arguments: accepted) func accepts(_ text: String, _ body: String, _ rest: String) {
        #expect(decode([[UInt8](text)[...]]) == .ended([UInt8](body), rest: [UInt8](rest)))
    }

    @Test(arguments: refused) func refuses(_ text: String, _ status: UInt16) {
        #expect(decode([[UInt8](text)[...]]) == .refused(status))
    }

    @Test func splittingChangesNothing() {
        for text in Self.accepted.map(\.0) + Self.refused.map(\.0) where text.utf8.count < 500 {
            let whole = decode([[UInt8](text)[...]])
            #expect([UInt8](text).splits.filter { decode($0) != whole }.isEmpty, "\(text)")
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>) func mutationsNeverTrapAndSplitAlike(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var differing: [[UInt8]] = []
        for _ in 0..<4000 {
            let (text, _, _) = Self.accepted.randomElement(using: &generator) ?? ("", "", "")
            let bytes = [UInt8](text).mutated(&generator, alphabet: [UInt8]("\r\n0123456789abcdefF;: \u{0}"))
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            if decode([bytes[...]]) != decode([bytes[..<cut], bytes[cut...]]) { differing.append(bytes) }
        }
        #expect(differing.isEmpty)
    }
}
