/// PCG64 (XSL-RR), seeded as NumPy's `default_rng(int)` does it.
public struct PCG64: Sendable {
    private var state: UInt128
    private var increment: UInt128
    /// The upper half of the last 64-bit word, until a 32-bit request takes it.
    private var spare: UInt32?

    /// The stream of `numpy.random.default_rng(seed)`.
    public init(seed: UInt64) {
        let words = SeedSequence(seed: seed).words()
        increment = (UInt128(words[2]) << 64 | UInt128(words[3])) << 1 | 1
        state = 0
        advance()
        state &+= UInt128(words[0]) << 64 | UInt128(words[1])
        advance()
    }

    private mutating func advance() {
        state = state &* 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645 &+ increment
    }

    /// The next 64 bits; leaves a kept half word where it is.
    public mutating func u64() -> UInt64 {
        advance()
        let folded = UInt64(truncatingIfNeeded: state >> 64) ^ UInt64(truncatingIfNeeded: state)
        let turn = UInt64(truncatingIfNeeded: state >> 122)
        return folded &>> turn | folded &<< (64 &- turn)
    }

    /// The next 32 bits: the lower half of a fresh word first, its upper half at the next request.
    public mutating func u32() -> UInt32 {
        if let kept = spare {
            spare = nil
            return kept
        }
        let word = u64()
        spare = UInt32(truncatingIfNeeded: word >> 32)
        return UInt32(truncatingIfNeeded: word)
    }

    /// A double in 0..<1 with 53 random bits, as `random()`.
    public mutating func unit() -> Double { Double(u64() >> 11) * 0x1p-53 }

    /// An integer in `0..<limit`, as `integers(limit)`; `below(1)` draws nothing.
    ///
    /// Lemire's method: the upper half of word × limit, without the few words that would favour some values.
    ///
    /// `limit` is 1…2³²−1.
    public mutating func below(_ limit: Int) -> Int {
        precondition(limit > 0 && limit <= UInt32.max, "a draw needs a limit from 1 to 2³²−1")
        guard limit > 1 else { return 0 }
        let limit = UInt32(limit)
        var product = u32().multipliedFullWidth(by: limit)
        if product.low < limit {
            let threshold = (0 &- limit) % limit
            while product.low < threshold { product = u32().multipliedFullWidth(by: limit) }
        }
        return Int(product.high)
    }

    /// Carries the stream.
    ///
    /// - Throws: ``Failure`` of kind `invalidState` for bytes that hold none.
    public mutating func code(_ state: inout StateCoder) throws(Failure) {
        try state.word(&self.state)
        try state.word(&increment)
        try state.check(increment & 1 == 1)
        var hasSpare = spare != nil
        try state.flag(&hasSpare)
        guard hasSpare else { return spare = nil }
        var word = spare ?? 0
        try state.word(&word)
        spare = word
    }
}
