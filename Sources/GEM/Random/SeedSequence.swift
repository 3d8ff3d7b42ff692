/// NumPy's way of spreading a small seed over a generator's whole state.
struct SeedSequence {
    private var pool: [UInt32] = [0, 0, 0, 0]

    /// The pool for a seed of at most two 32-bit words; more would have to be blended in behind the first four.
    init(seed: UInt64) {
        let entropy = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32), 0, 0]
        var constant: UInt32 = 0x43B0_D7E5
        func hash(_ word: UInt32) -> UInt32 {
            let mixed = word ^ constant
            constant &*= 0x931E_8875
            let product = mixed &* constant
            return product ^ product >> 16
        }
        for index in 0..<4 { pool[index] = hash(entropy[index]) }
        for source in 0..<4 {
            for target in 0..<4 where target != source {
                let blended = 0xCA01_F9DD &* pool[target] &- 0x4973_F715 &* hash(pool[source])
                pool[target] = blended ^ blended >> 16
            }
        }
    }

    /// Four 64-bit words of output.
    func words() -> [UInt64] {
        var constant: UInt32 = 0x8B51_F9DD
        let halves = (0..<8).map { index in
            let mixed = pool[index % 4] ^ constant
            constant &*= 0x58F3_8DED
            let product = mixed &* constant
            return UInt64(product ^ product >> 16)
        }
        return (0..<4).map { halves[2 * $0] | halves[2 * $0 + 1] << 32 }
    }
}
