extension JSONWriter {
    /// Appends `text` to `bytes` as the inside of a JSON string: `"`, `\` and control characters escaped, all else as it is.
    ///
    /// Boards have a line feed every few bytes, so runs are short: whole words are stored, and the first byte that needs an
    /// escape overwrites what was stored behind it.
    static func escape(_ text: Span<UInt8>, onto bytes: inout [UInt8]) {
        // In pieces, because the worst case is six bytes for one and room is made for it.
        let pieceLength = 1024
        var start = 0
        while start < text.count {
            let end = min(start + pieceLength, text.count)
            escape(piece: text.extracting(start..<end), onto: &bytes)
            start = end
        }
    }

    private static func escape(piece text: Span<UInt8>, onto bytes: inout [UInt8]) {
        let room = text.count * 6 + ByteWord.width
        // Grow by doubling: what `append` below asks for would be granted exactly, time and again.
        if bytes.capacity - bytes.count < room { bytes.reserveCapacity(max(bytes.capacity * 2, bytes.count + room)) }
        bytes.append(addingCapacity: room) { output in
            output.withUnsafeMutableBufferPointer { buffer, count in
                guard let base = buffer.baseAddress else { return }
                text.bytes.withUnsafeBytes { source in
                    guard let source = source.baseAddress else { return }
                    // Reads stay below `text.count`. Each byte read is at most six bytes written, and a word store reaches
                    // at most one word beyond what counts: `room` covers both.
                    count += escape(source, text.count, into: UnsafeMutableRawPointer(base + count))
                }
            }
        }
    }

    /// - Returns: How many bytes have been written.
    private static func escape(
        _ source: UnsafeRawPointer, _ length: Int, into target: UnsafeMutableRawPointer
    ) -> Int {
        var at = 0
        var written = 0
        while at < length {
            if at &+ ByteWord.width <= length {
                let bits = source.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                target.storeBytes(of: bits, toByteOffset: written, as: UInt64.self)
                let plain = ByteWord(bits: bits).needsEscape.first
                at &+= plain
                written &+= plain
                if plain == ByteWord.width { continue }
            }
            let byte = source.load(fromByteOffset: at, as: UInt8.self)
            at &+= 1
            let short = shortEscape(byte)
            if short != 0 {
                target.storeBytes(of: (UInt16(short) << 8 | 0x5C).littleEndian, toByteOffset: written, as: UInt16.self)
                written &+= 2
            } else if byte < 0x20 {
                for (place, digit) in [0x5C, 0x75, 0x30, 0x30, 0x30 + byte >> 4, hexDigit(byte & 15)].enumerated() {
                    target.storeBytes(of: digit, toByteOffset: written &+ place, as: UInt8.self)
                }
                written &+= 6
            } else {
                target.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
                written &+= 1
            }
        }
        return written
    }

    /// The letter behind the `\` of a two-byte escape; 0 where `byte` has none.
    @inline(__always)
    private static func shortEscape(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0x0A: 0x6E
        case 0x22, 0x5C: byte
        case 0x0D: 0x72
        case 0x09: 0x74
        case 0x08: 0x62
        case 0x0C: 0x66
        default: 0
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
