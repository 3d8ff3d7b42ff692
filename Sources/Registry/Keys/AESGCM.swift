/// AES-256 in Galois/Counter Mode (FIPS 197, NIST SP 800-38D), with the 12-byte nonce and 16-byte tag that everybody uses.
///
/// Written out because it seals one short text a sandbox: a C library would be more to install than this is to read, and the
/// kernel's own is not offered everywhere. No step looks anything up by a secret byte, so timing tells nothing.
package struct AESGCM: Sendable {
    private static let rounds = 14
    /// The round keys, 16 bytes each.
    private let keys: [[UInt8]]
    /// The block of zeros, encrypted: what the tag multiplies by.
    private let hashKey: (high: UInt64, low: UInt64)

    /// - Parameter key: 32 bytes; `nil` comes back for any other length.
    package init?(key: [UInt8]) {
        guard key.count == 32 else { return nil }
        keys = Self.expand(key)
        hashKey = Self.words(Self.encrypt([UInt8](repeating: 0, count: 16), keys))
    }

    /// A key that nobody can guess.
    package static func randomKey() -> [UInt8] { randomBytes(32) }

    /// Seals `text` under a fresh nonce.
    ///
    /// - Returns: The nonce, the sealed text and the tag, one behind the other.
    package func seal(_ text: [UInt8]) -> [UInt8] { seal(text, nonce: Self.randomBytes(12)) }

    func seal(_ text: [UInt8], nonce: [UInt8]) -> [UInt8] {
        let sealed = crypt(text, nonce: nonce)
        return nonce + sealed + tag(of: sealed, nonce: nonce)
    }

    /// Opens what ``seal(_:)`` made; `nil` where it was changed or sealed with another key.
    package func open(_ box: [UInt8]) -> [UInt8]? {
        guard box.count >= 28 else { return nil }
        let nonce = Array(box[..<12])
        let sealed = Array(box[12..<(box.count - 16)])
        guard isEqualInConstantTime(tag(of: sealed, nonce: nonce), Array(box.suffix(16))) else { return nil }
        return crypt(sealed, nonce: nonce)
    }

    private static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in generator.next() }
    }

    // MARK: Counter mode and tag

    private func crypt(_ text: [UInt8], nonce: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for (index, start) in stride(from: 0, to: text.count, by: 16).enumerated() {
            let pad = encrypt(Self.counter(nonce, UInt32(index) + 2))
            for place in start..<min(start + 16, text.count) { result.append(text[place] ^ pad[place - start]) }
        }
        return result
    }

    private static func counter(_ nonce: [UInt8], _ value: UInt32) -> [UInt8] {
        nonce + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private func tag(of sealed: [UInt8], nonce: [UInt8]) -> [UInt8] {
        var sum: (high: UInt64, low: UInt64) = (0, 0)
        func absorb(_ block: (high: UInt64, low: UInt64)) {
            sum = multiply((sum.high ^ block.high, sum.low ^ block.low))
        }
        for start in stride(from: 0, to: sealed.count, by: 16) {
            let block = sealed[start..<min(start + 16, sealed.count)]
            absorb(Self.words(Array(block) + [UInt8](repeating: 0, count: 16 - block.count)))
        }
        // No additional data, then the length in bits.
        absorb((0, UInt64(sealed.count) * 8))
        let mask = Self.words(encrypt(Self.counter(nonce, 1)))
        let tag = [sum.high ^ mask.high, sum.low ^ mask.low]
        return tag.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
    }

    /// The product of `factor` and the hash key in GF(2^128), bits in the order of GCM.
    private func multiply(_ factor: (high: UInt64, low: UInt64)) -> (high: UInt64, low: UInt64) {
        var product: (high: UInt64, low: UInt64) = (0, 0)
        var term = hashKey
        for bit in 0..<128 {
            let word = bit < 64 ? factor.high : factor.low
            let mask = 0 &- (word >> UInt64(63 - bit % 64) & 1)
            product = (product.high ^ term.high & mask, product.low ^ term.low & mask)
            let carry = 0 &- (term.low & 1)
            term = (term.high >> 1 ^ 0xE100_0000_0000_0000 & carry, term.low >> 1 | term.high << 63)
        }
        return product
    }

    private static func words(_ block: [UInt8]) -> (high: UInt64, low: UInt64) {
        (block[..<8].reduce(0) { $0 << 8 | UInt64($1) }, block[8...].reduce(0) { $0 << 8 | UInt64($1) })
    }

    // MARK: The block cipher

    private func encrypt(_ block: [UInt8]) -> [UInt8] { Self.encrypt(block, keys) }

    private static func encrypt(_ block: [UInt8], _ keys: [[UInt8]]) -> [UInt8] {
        var state = zip(block, keys[0]).map { $0 ^ $1 }
        for round in 1...rounds {
            let bytes = state.map(substitute)
            // Row r of the column-wise block turns left by r.
            for place in 0..<16 { state[place] = bytes[(place + 4 * (place % 4)) % 16] }
            if round < rounds { mixColumns(&state) }
            for place in 0..<16 { state[place] ^= keys[round][place] }
        }
        return state
    }

    private static func mixColumns(_ state: inout [UInt8]) {
        for column in stride(from: 0, to: 16, by: 4) {
            let bytes = Array(state[column..<column + 4])
            let all = bytes[0] ^ bytes[1] ^ bytes[2] ^ bytes[3]
            for row in 0..<4 { state[column + row] = bytes[row] ^ all ^ double(bytes[row] ^ bytes[(row + 1) % 4]) }
        }
    }

    private static func expand(_ key: [UInt8]) -> [[UInt8]] {
        var words = stride(from: 0, to: 32, by: 4).map { Array(key[$0..<$0 + 4]) }
        var constant: UInt8 = 1
        for index in 8..<4 * (rounds + 1) {
            var word = words[index - 1]
            if index % 8 == 0 {
                word = [word[1], word[2], word[3], word[0]].map(substitute)
                word[0] ^= constant
                constant = double(constant)
            } else if index % 8 == 4 {
                word = word.map(substitute)
            }
            words.append(zip(words[index - 8], word).map { $0 ^ $1 })
        }
        return stride(from: 0, to: words.count, by: 4).map { Array(words[$0..<$0 + 4].joined()) }
    }

    /// `byte` times x in GF(2^8).
    private static func double(_ byte: UInt8) -> UInt8 { byte << 1 ^ 0x1B & (0 &- (byte >> 7)) }

    private static func multiply(_ one: UInt8, _ other: UInt8) -> UInt8 {
        var (product, term) = (UInt8(0), one)
        for bit in 0..<8 {
            product ^= term & (0 &- (other >> UInt8(bit) & 1))
            term = double(term)
        }
        return product
    }

    /// The S-box: the inverse in GF(2^8), which is the 254th power, and an affine map.
    private static func substitute(_ byte: UInt8) -> UInt8 {
        var (inverse, power) = (UInt8(1), byte)
        for _ in 0..<7 {
            power = multiply(power, power)
            inverse = multiply(inverse, power)
        }
        func turned(_ count: UInt8) -> UInt8 { inverse << count | inverse >> (8 - count) }
        return inverse ^ turned(1) ^ turned(2) ^ turned(3) ^ turned(4) ^ 0x63
    }
}
