import CSHA256

/// A SHA-256 digest as images write it: `sha256:` and 64 hexadecimal digits.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// The 64 lower-case digits; safe as a file name.
    package let hex: String

    /// Fails unless `text` is `sha256:` and 64 lower-case hexadecimal digits.
    package init?(_ text: some StringProtocol) {
        guard text.hasPrefix("sha256:") else { return nil }
        self.init(hex: String(text.dropFirst(7)))
    }

    /// Fails unless `hex` is 64 lower-case hexadecimal digits.
    package init?(hex: String) {
        guard hex.utf8.count == 64, hex.utf8.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }) else { return nil }
        self.hex = hex
    }

    /// The digest of `bytes`.
    package init(of bytes: some Collection<UInt8>) {
        var hasher = SHA256Hasher()
        hasher.update(Array(bytes))
        self = hasher.finish()
    }

    /// Takes the 32 bytes of a digest.
    fileprivate init(raw: [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        hex = String(decoding: raw.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    package var description: String { "sha256:" + hex }

    /// The first twelve digits, as people see digests.
    package var short: String { String(hex.prefix(12)) }
}

/// Hashes bytes as they come.
struct SHA256Hasher {
    private var state = rock_sha256()

    init() { rock_sha256_begin(&state) }

    mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        rock_sha256_update(&state, bytes.baseAddress, bytes.count)
    }

    /// The digest of everything so far; the hasher is of no use afterwards.
    mutating func finish() -> Digest {
        var raw = [UInt8](repeating: 0, count: 32)
        rock_sha256_finish(&state, &raw)
        return Digest(raw: raw)
    }
}
