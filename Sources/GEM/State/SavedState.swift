/// What `save` gives and `restore` takes: a mark, the number of the format, what was saved, and a checksum.
///
///     "RS" · format · fields · FNV-1a of everything before, 64 bits
///
/// The checksum finds damage, not malice: whoever reads the fields checks each of them.
package struct SavedState {
    /// Raised by whatever changes the meaning of a field, an environment's rules or its draws.
    static let format: UInt8 = 1

    private static let mark: [UInt8] = [0x52, 0x53]
    private static let checksumBytes = 8

    /// Encloses `fields`, which a coder has written, and writes them in base64.
    package static func seal(_ fields: StateCoder) -> [UInt8] {
        var bytes = mark + [format] + fields.bytes
        let sum = checksum(bytes[...])
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: sum >> shift)) }
        return Base64.encode(bytes)
    }

    /// The fields in `base64`, to be read.
    ///
    /// - Throws: ``Failure`` of kind `invalidState` for text that is no base64, no state, damaged, or of another format.
    package static func open(_ base64: String) throws(Failure) -> StateCoder {
        guard let bytes = Base64.decode(Array(base64.utf8)) else {
            throw Failure(.invalidState, "The state is not base64; give the text that save answered, unchanged.")
        }
        guard bytes.count > mark.count + checksumBytes, bytes.starts(with: mark) else {
            throw Failure(.invalidState, "These bytes are no saved state; give the text that save answered, unchanged.")
        }
        let (body, tail) = (bytes.dropLast(checksumBytes), bytes.suffix(checksumBytes))
        guard tail.reversed().reduce(UInt64(0), { $0 << 8 | UInt64($1) }) == checksum(body) else {
            throw Failure(.invalidState, "The state was damaged on its way: its checksum is wrong. Save it anew.")
        }
        guard bytes[mark.count] == format else {
            throw Failure(
                .invalidState,
                "The state has format \(bytes[mark.count]), and this version reads format \(format) only; save it anew."
            )
        }
        return StateCoder(reading: Array(body.dropFirst(mark.count + 1)))
    }

    /// FNV-1a, 64 bits.
    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
