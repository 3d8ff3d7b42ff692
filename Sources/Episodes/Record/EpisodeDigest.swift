import CSHA256

/// The 32 bytes of a SHA-256 digest.
package struct EpisodeDigest: Hashable, Sendable, CustomStringConvertible {
    private var lanes = SIMD32<UInt8>()

    /// The digest of `bytes`.
    package init(of bytes: Span<UInt8>) {
        self.init { state in
            bytes.withUnsafeBytes { rock_sha256_update(&state, $0.baseAddress, $0.count) }
        }
    }

    /// The digest of `text`'s UTF-8.
    package init(of text: String) {
        var text = text
        self = text.withUTF8 { EpisodeDigest(of: $0.span) }
    }

    /// Fails unless there are 32 of `bytes`.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        for place in 0..<32 { lanes[place] = bytes[place] }
    }

    /// Fails unless `hex` is 64 lower-case hexadecimal digits.
    package init?(hex: String) {
        let digits = Array(hex.utf8)
        guard digits.count == 64 else { return nil }
        for place in 0..<32 {
            guard let high = Self.value(digits[2 * place]), let low = Self.value(digits[2 * place + 1]) else {
                return nil
            }
            lanes[place] = high << 4 | low
        }
    }

    /// The digest that follows on `before` when a step showed what has the digest `observation`.
    fileprivate init(
        behind before: EpisodeDigest?, observation: EpisodeDigest, reward: Double, terminated: Bool, truncated: Bool
    ) {
        var before = before?.lanes ?? SIMD32()
        var observation = observation.lanes
        var bits = reward.bitPattern.littleEndian
        var flags: UInt8 = (terminated ? 1 : 0) | (truncated ? 2 : 0)
        self.init { state in
            rock_sha256_update(&state, &before, 32)
            rock_sha256_update(&state, &observation, 32)
            rock_sha256_update(&state, &bits, 8)
            rock_sha256_update(&state, &flags, 1)
        }
    }

    private init(_ update: (inout rock_sha256) -> Void) {
        var state = rock_sha256()
        rock_sha256_begin(&state)
        update(&state)
        withUnsafeMutableBytes(of: &lanes) { bytes in
            rock_sha256_finish(&state, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// The bytes in order.
    package var bytes: [UInt8] { (0..<32).map { lanes[$0] } }

    /// 64 lower-case hexadecimal digits.
    package var description: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for place in 0..<32 {
            text.append(digits[Int(lanes[place] >> 4)])
            text.append(digits[Int(lanes[place] & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }
}

/// The running hash of an episode: after each step it stands for everything that was shown and paid so far.
///
/// H₀ = SHA-256(32 zero bytes ‖ D₀ ‖ 0.0 ‖ 0), Hₖ = SHA-256(Hₖ₋₁ ‖ Dₖ ‖ rewardₖ ‖ flagsₖ). D is the SHA-256 of an
/// observation's UTF-8, a reward is its IEEE 754 double in little-endian order, flags are a byte: 1 terminated, 2 truncated.
/// An episode that was not begun by a reset has no first observation; D₀ is then the SHA-256 of the state it goes on from.
package struct EpisodeChain: Equatable, Sendable {
    /// The hash after the last step.
    package private(set) var value: EpisodeDigest

    /// The chain before the first step of an episode that began with the observation, or the state, of this digest.
    package init(first: EpisodeDigest) {
        value = EpisodeDigest(behind: nil, observation: first, reward: 0, terminated: false, truncated: false)
    }

    /// Goes on after the step whose hash is `value`.
    package init(at value: EpisodeDigest) { self.value = value }

    /// Adds a step.
    package mutating func add(observation: EpisodeDigest, reward: Double, terminated: Bool, truncated: Bool) {
        value = EpisodeDigest(
            behind: value, observation: observation, reward: reward, terminated: terminated, truncated: truncated)
    }
}
