/// A small generator with a seed, so that what fails once fails again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

extension [UInt8] {
    init(_ text: String) { self = Array(text.utf8) }

    /// This message with a few bytes changed, dropped, doubled or taken from `alphabet`.
    func mutated(_ generator: inout SeededGenerator, alphabet: [UInt8]) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(alphabet.randomElement(using: &generator) ?? 0, at: index)
            case 3: bytes[index] = alphabet.randomElement(using: &generator) ?? 0
            case 4: bytes.insert(contentsOf: bytes[index...].prefix(20), at: index)
            default: bytes.removeSubrange(index..<Swift.min(index + 5, bytes.count))
            }
        }
        return bytes
    }

    /// Every way to cut this message in two, and byte by byte.
    var splits: [[ArraySlice<UInt8>]] {
        (0...count).map { [self[..<$0], self[$0...]] } + [indices.map { self[$0...$0] }]
    }
}
