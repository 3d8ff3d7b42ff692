import Testing

@testable import GEM

@Suite struct StateCoderTests {
    /// Every kind of field there is.
    private struct Sample: Equatable {
        enum Mood: CaseIterable { case calm, wild }
        var integers = [0, 1, 127, 128, 300, Int.max]
        var distance = -5
        var lowest = Int.min
        var byte: UInt8 = 7
        var flag = true
        var word: UInt32 = 0xDEAD_BEEF
        var wide: UInt128 = 1 << 100 | 3
        var number = -0.1
        var mood = Mood.wild
        var bits = [true, false, true, true, false, false, false, false, true]
        var text = "é😀"

        mutating func code(_ state: inout StateCoder) throws(Failure) {
            try state.list(&integers, counts: 0...6, like: 0) { (state, value) throws(Failure) in
                try state.integer(&value, in: 0...Int.max)
            }
            try state.integer(&distance, in: -5...5)
            try state.integer(&lowest, in: Int.min...Int.max)
            try state.byte(&byte, in: 1...7)
            try state.flag(&flag)
            try state.word(&word)
            try state.word(&wide)
            try state.number(&number)
            try state.choice(&mood)
            try state.bits(&bits)
            try state.text(&text, limit: 6)
        }
    }

    private func saved() throws -> [UInt8] {
        var (sample, coder) = (Sample(), StateCoder())
        try sample.code(&coder)
        return coder.bytes
    }

    @Test func readsWhatItWrote() throws {
        var coder = StateCoder(reading: try saved())
        var read = Sample(
            integers: [], distance: 5, lowest: 3, byte: 1, flag: false, word: 0, wide: 0, number: 3, mood: .calm,
            bits: Array(repeating: false, count: 9), text: "")
        try read.code(&coder)
        try coder.finish()
        #expect(read == Sample())
    }

    @Test func refusesEveryEnd() throws {
        let bytes = try saved()
        for count in bytes.indices {
            var (sample, coder) = (Sample(), StateCoder(reading: Array(bytes[..<count])))
            #expect(throws: Failure.damagedState) { try sample.code(&coder) }
        }
        let coder = StateCoder(reading: [0])
        #expect(throws: Failure.damagedState) { try coder.finish() }
    }

    /// Numbers have one form, lie in their range, and no length is believed that the bytes cannot hold.
    @Test(
        arguments: [
            [6], [0x80, 0], [0xFF], Array(repeating: 0x80, count: 9) + [2], Array(repeating: 0xFF, count: 11),
        ] as [[UInt8]])
    func refusesBadIntegers(_ bytes: [UInt8]) {
        var coder = StateCoder(reading: bytes)
        var value = 0
        #expect(throws: Failure.damagedState) { try coder.integer(&value, in: 0...5) }
        var list: [UInt8] = []
        coder = StateCoder(reading: [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1])
        #expect(throws: Failure.damagedState) { try coder.bytes(&list, counts: 0...Int.max) }
    }

    @Test func writesNothingThatItWouldNotRead() {
        var coder = StateCoder()
        var value = 6
        #expect(throws: Failure.unsavable) { try coder.integer(&value, in: 0...5) }
    }

    /// Young streams as seed and position, old ones as state; at the very edge between them, too.
    @Test(arguments: [0, 1, 623, 624, 625, 9983, 9984, 20_000])
    func carriesStreams(_ draws: Int) throws {
        var stream = MersenneTwister(seed: 12345)
        for _ in 0..<draws { _ = stream.u32() }
        var coder = StateCoder()
        try stream.code(&coder)
        #expect(coder.bytes.count < 16 || draws >= 9984)
        var other = MersenneTwister(seed: 1)
        _ = other.u32()
        var reader = StateCoder(reading: coder.bytes)
        try other.code(&reader)
        var rolled = stream.rolledUp
        let words = (0..<1300).map { _ in stream.u32() }
        #expect((0..<1300).map { _ in other.u32() } == words && (0..<1300).map { _ in rolled.u32() } == words)
    }

    @Test func refusesAStreamOfZeros() {
        var coder = StateCoder(reading: [1] + Array(repeating: 0, count: 2496) + [0])
        var stream = MersenneTwister(seed: 1)
        #expect(throws: Failure.damagedState) { try stream.code(&coder) }
    }

    @Test(arguments: [0, 1, 2])
    func carriesPCG64(_ draws: Int) throws {
        var stream = PCG64(seed: 7)
        for _ in 0..<draws { _ = stream.u32() }
        var coder = StateCoder()
        try stream.code(&coder)
        var other = PCG64(seed: 8)
        var reader = StateCoder(reading: coder.bytes)
        try other.code(&reader)
        #expect((0..<5).map { _ in other.u32() } == (0..<5).map { _ in stream.u32() } && other.unit() == stream.unit())
    }

    @Test(
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"), ("\u{0}ÿ", "AMO/"),
        ])
    func writesBase64(_ text: String, _ encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == Array(encoded.utf8))
        #expect(Base64.decode(Array(encoded.utf8)) == Array(text.utf8))
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "=", "====", "Zg==Zg==", "Zm9v\n", "Zm 9v", "Zm9-", "Z===", "Zm=v",
    ])
    func refusesOtherBase64(_ text: String) { #expect(Base64.decode(Array(text.utf8)) == nil) }

    @Test func anEnvironmentWithoutAStateSaysSo() {
        var environment = CountingEnvironment(limit: 1, isBroken: false, entropy: 1)
        var coder = StateCoder()
        #expect {
            try environment.code(&coder, hasEpisode: true)
        } throws: { ($0 as? Failure)?.kind == .invalidRequest }
    }
}
