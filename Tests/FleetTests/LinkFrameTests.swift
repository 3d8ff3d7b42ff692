import GEM
import Testing

@testable import Fleet

@Suite struct LinkFrameTests {
    private static let frames: [LinkFrame] = [
        .open(1, target: "agent/a"), .accept(7), .data(2, Array(repeating: 0xAB, count: LinkFrame.payloadLimit)),
        .data(3, [0]), .window(4, .max), .end(.max), .reset(5, Failure(.notFound, "Nothing\nthere.")), .ping(.max),
        .pong(0),
    ]

    @Test(arguments: [1, 3, 1000, 1 << 20])
    func readsWhatItWrites(pieceBy count: Int) throws {
        let bytes = Self.frames.flatMap(\.bytes)
        var decoder = LinkDecoder()
        var found: [LinkFrame] = []
        for start in stride(from: 0, to: bytes.count, by: count) {
            bytes[start..<min(start + count, bytes.count)].withUnsafeBytes { decoder.append($0) }
            while let frame = try decoder.next() { found.append(frame) }
        }
        #expect(found == Self.frames)
    }

    @Test(
        arguments: [
            ([0], "kind"), ([9], "kind"), ([255, 1, 2], "kind"),
            // More than a payload may have, and less; for a stream where there is none, and for none where there is one.
            ([3, 0, 0x80, 1, 0, 0, 0, 1], "bytes"), ([3, 0, 0, 0, 0, 0, 0, 1], "bytes"),
            ([4, 0, 0, 5, 0, 0, 0, 1], "bytes"),
            ([1, 0, 4, 1, 0, 0, 0, 1], "bytes"), ([1, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1], "bytes"),
            ([5, 0, 0, 0, 0, 0, 0, 0], " for 0"), ([7, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], " for 1"),
        ] as [([UInt8], String)])
    func refuses(_ bytes: [UInt8], because word: String) {
        var decoder = LinkDecoder()
        bytes.withUnsafeBytes { decoder.append($0) }
        do throws(LinkError) {
            _ = try decoder.next()
            Issue.record("\(bytes) was read")
        } catch {
            guard case .protocolViolation(let message) = error, message.contains(word) else {
                Issue.record("\(bytes): \(error)")
                return
            }
        }
    }

    /// Whatever comes, it is a frame or it is refused, and nothing is kept beyond one frame.
    @Test func survivesNoise() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var decoder = LinkDecoder()
            let bytes = (0..<64).map { _ in UInt8.random(in: 0...9, using: &generator) }
            bytes.withUnsafeBytes { decoder.append($0) }
            while let frame = try? decoder.next() { #expect(frame.bytes.count <= 64) }
        }
    }

    @Test func cutsWhatIsTooLong() throws {
        var decoder = LinkDecoder()
        let long = String(repeating: "x", count: 5000)
        LinkFrame.reset(1, Failure(.timeout, long)).bytes.withUnsafeBytes { decoder.append($0) }
        guard case .reset(1, let failure)? = try decoder.next() else { return #expect(Bool(false)) }
        #expect(failure.kind == .timeout && long.hasPrefix(failure.message) && failure.message.count > 900)
    }
}
