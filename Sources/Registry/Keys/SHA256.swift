import CSHA256

/// SHA-256 as FIPS 180-4 has it.
package enum SHA256 {
    /// The 32 bytes of `message`'s digest.
    package static func digest(_ message: some Sequence<UInt8>) -> [UInt8] {
        let bytes = Array(message)
        var state = rock_sha256()
        rock_sha256_begin(&state)
        bytes.withUnsafeBytes { rock_sha256_update(&state, $0.baseAddress, $0.count) }
        var digest = [UInt8](repeating: 0, count: 32)
        rock_sha256_finish(&state, &digest)
        return digest
    }
}
