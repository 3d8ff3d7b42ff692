/// MT19937, seeded as CPython's `random.seed(int)` does it.
///
/// The generator is a value: a copy continues the same stream on its own. The 2.5 KB of state is shared between copies
/// until one of them draws, and is not made before the first draw. The state is renewed one word per draw instead
/// of 624 at once, so that a short episode never pays for words it does not use; the words are the same.
public struct MersenneTwister: Sendable {
    @usableFromInline static let size = 624
    @usableFromInline static let middle = 397

    /// Empty until it is needed.
    @usableFromInline var state: [UInt32] = []
    /// The word that the next draw renews and returns.
    @usableFromInline var position = 0
    /// How often all words have been renewed.
    @usableFromInline var laps = 0
    var seed: UInt64

    /// The stream that CPython gives after `random.seed(seed)`.
    public init(seed: UInt64) { self.seed = seed }

    /// The next 32 bits.
    @inlinable
    public mutating func u32() -> UInt32 {
        if state.isEmpty { fill() }
        let index = position
        let next = index + 1 < Self.size ? index + 1 : 0
        let far = index + Self.middle < Self.size ? index + Self.middle : index + Self.middle - Self.size
        let joined = (state[index] & 0x8000_0000) | (state[next] & 0x7FFF_FFFF)
        var word = state[far] ^ (joined >> 1) ^ ((0 &- (joined & 1)) & 0x9908_B0DF)
        state[index] = word
        position = next
        if next == 0 { laps += 1 }

        word ^= word >> 11
        word ^= (word << 7) & 0x9D2C_5680
        word ^= (word << 15) & 0xEFC6_0000
        word ^= word >> 18
        return word
    }

    /// CPython's "init by array" with the 32-bit words of the seed as its key, least significant first; then on to where the
    /// stream stands.
    @usableFromInline
    mutating func fill() {
        let low = UInt32(truncatingIfNeeded: seed)
        let high = UInt32(truncatingIfNeeded: seed >> 32)
        var words = Self.unkeyed
        var last = words[0]
        var odd = false
        // The key has one word or two; the j-th word is used with j added.
        for index in 1...Self.size {
            let isOddTurn = odd && high != 0
            odd.toggle()
            let at = index < Self.size ? index : 1
            if index == Self.size { words[0] = last }
            last = (words[at] ^ ((last ^ (last >> 30)) &* 1_664_525)) &+ (isOddTurn ? high &+ 1 : low)
            words[at] = last
        }
        for index in 2...Self.size {
            let at = index < Self.size ? index : 1
            if index == Self.size { words[0] = last }
            last = (words[at] ^ ((last ^ (last >> 30)) &* 1_566_083_941)) &- UInt32(at)
            words[at] = last
        }
        words[0] = 0x8000_0000
        state = words
        let drawn = laps * Self.size + position
        (laps, position) = (0, 0)
        for _ in 0..<drawn { _ = u32() }
    }

    /// The state before any key is mixed in: the plain initialisation from 19650218.
    private static let unkeyed: [UInt32] = {
        var words = [UInt32](repeating: 19_650_218, count: size)
        for index in 1..<size {
            let previous = words[index - 1]
            words[index] = 1_812_433_253 &* (previous ^ (previous >> 30)) &+ UInt32(index)
        }
        return words
    }()
}
