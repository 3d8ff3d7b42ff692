import Testing

@testable import Transport

/// A frame as a client (masked) or a server sends it.
func frame(
    _ opcode: UInt8, _ payload: [UInt8], final: Bool = true, reserved: UInt8 = 0, mask: UInt32? = 0x1122_3344
) -> [UInt8] {
    var bytes: [UInt8] = []
    let header = WebSocketFrameHeader(
        isFinal: final, opcode: WebSocketOpcode(rawValue: opcode) ?? .text, length: payload.count, mask: mask)
    header.append(to: &bytes)
    bytes[0] = (final ? 0x80 : 0) | reserved << 4 | opcode
    let start = bytes.count
    bytes += payload
    if let mask { applyMask(mask, offset: 0, to: &bytes, from: start) }
    return bytes
}

private struct Outcome: Equatable {
    var events: [WebSocketDecoder.Event] = []
    var error: UInt16?
}

private func decode(_ pieces: [ArraySlice<UInt8>], role: WebSocketRole = .server, limit: Int = 70_000) -> Outcome {
    var decoder = WebSocketDecoder(role: role, messageLimit: limit)
    var outcome = Outcome()
    do throws(WebSocketError) {
        for piece in pieces {
            let bytes = Array(piece)
            var position = 0
            while let event = try decoder.next(bytes.span, from: &position) { outcome.events.append(event) }
        }
    } catch {
        outcome.error = error.code.rawValue
    }
    return outcome
}

private func text(_ text: String) -> WebSocketDecoder.Event { .message(.text([UInt8](text))) }

@Suite struct WebSocketDecoderTests {
    static let long = [UInt8](repeating: 0x61, count: 66_000)

    /// Bytes, the events they make, and the code of the error that ends them.
    private static let cases: [([UInt8], [WebSocketDecoder.Event], UInt16?)] = [
        (frame(1, [UInt8]("hé")), [text("hé")], nil),
        (frame(1, []), [text("")], nil),
        (frame(2, [0, 255]), [.message(.binary([0, 255]))], nil),
        (frame(2, Array(long.prefix(126))), [.message(.binary(Array(long.prefix(126))))], nil),
        (frame(1, [UInt8]("ab"), final: false) + frame(0, [UInt8]("c")), [text("abc")], nil),
        // A character across two fragments, and control frames between them.
        (
            frame(1, [0xC3], final: false) + frame(9, [1]) + frame(0, [], final: false) + frame(10, [])
                + frame(0, [0xA9]),
            [.ping([1]), .pong([]), text("é")], nil
        ),
        (frame(8, []), [.close(nil)], nil),
        (frame(8, [3, 232] + [UInt8]("bye")), [.close(.normal)], nil),
        (frame(8, [15, 160]), [.close(WebSocketCloseCode(rawValue: 4000))], nil),
        // What breaks the framing.
        (frame(1, [], reserved: 4), [], 1002), (frame(1, [], reserved: 1), [], 1002),
        (frame(3, []), [], 1002), (frame(11, []), [], 1002),
        (frame(1, [], mask: nil), [], 1002),
        (frame(9, [], final: false), [], 1002),
        (frame(9, Array(long.prefix(126))), [], 1002), (frame(8, Array(long.prefix(126))), [], 1002),
        (frame(0, []), [], 1002),
        (frame(1, [], final: false) + frame(1, []), [], 1002),
        (frame(1, [97]) + frame(0, []), [text("a")], 1002),
        ([0x82, 0xFE, 0, 5, 0, 0, 0, 0], [], 1002),
        ([0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0], [], 1002),
        ([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [], 1002),
        // What breaks the limit: at the header, before a byte of payload has come.
        ([0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0], [], 1009),
        (frame(2, long, final: false) + [0x80, 0xFE, 0x13, 0x88, 0, 0, 0, 0], [], 1009),
        // What is not UTF-8: told at the first byte that cannot be.
        (frame(1, [0xC0, 0x80]), [], 1007), (frame(1, [0xED, 0xA0, 0x80]), [], 1007),
        (frame(1, [0xF4, 0x90]), [], 1007), (frame(1, [0xF8]), [], 1007), (frame(1, [0xE0, 0x9F]), [], 1007),
        (frame(1, [0x80]), [], 1007), (frame(1, [0xC3]), [], 1007),
        (frame(1, [0x61, 0xFF], final: false), [], 1007),
        // What is no reason to close.
        (frame(8, [3]), [], 1002), (frame(8, [3, 236]), [], 1002), (frame(8, [3, 237]), [], 1002),
        (frame(8, [0, 0]), [], 1002), (frame(8, [19, 136]), [], 1002), (frame(8, [3, 232, 0xFF]), [], 1007),
    ]

    @Test(arguments: 0..<cases.count) func decodes(_ number: Int) {
        let (bytes, events, error) = Self.cases[number]
        #expect(decode([bytes[...]]) == Outcome(events: events, error: error))
    }

    @Test func splittingChangesNothing() {
        for (number, (bytes, events, error)) in Self.cases.enumerated() where bytes.count < 500 {
            let whole = Outcome(events: events, error: error)
            #expect(bytes.splits.filter { decode($0) != whole }.isEmpty, "case \(number)")
        }
    }

    @Test func clientsRefuseMaskedFramesAndTakePlainOnes() {
        #expect(decode([frame(1, [97])[...]], role: .client) == Outcome(events: [], error: 1002))
        #expect(decode([frame(1, [97], mask: nil)[...]], role: .client) == Outcome(events: [text("a")], error: nil))
    }

    @Test(arguments: 0..<6 as Range<UInt64>) func mutationsNeverTrapAndSplitAlike(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var differing: [[UInt8]] = []
        for _ in 0..<4000 {
            let some = (0..<3).map { _ in Self.cases[Int.random(in: 0..<9, using: &generator)].0 }
            let bytes = Array(some.joined()).mutated(&generator, alphabet: Array(0...255))
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            if decode([bytes[...]]) != decode([bytes[..<cut], bytes[cut...]]) { differing.append(bytes) }
        }
        #expect(differing.isEmpty)
    }

    /// The standard library's own decoder is the judge.
    @Test(arguments: 0..<4 as Range<UInt64>) func agreesWithTheStandardLibraryAboutUTF8(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet: [UInt8] =
            [0, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED]
            + [0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF]
        var differing: [[UInt8]] = []
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            var check = UTF8Check()
            let isText = check.accept(bytes.span) && check.isComplete
            if isText != (String(validating: bytes, as: UTF8.self) != nil) { differing.append(bytes) }
        }
        #expect(differing.isEmpty)
    }

    @Test func theHandshakesAnswerIsTheStandardsExample() {
        #expect(WebSocketHandshake.acceptValue("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        let digest = SHA1.digest([UInt8](String(repeating: "a", count: 119)))
        #expect(WebSocketHandshake.base64(digest) == "7pcQZaqgF+BjKoymx3uzv4sd/FY=")
    }
}
