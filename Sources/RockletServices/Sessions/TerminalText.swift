/// What a program wrote to a terminal, made into text.
enum TerminalText {
    /// Takes out control sequences (ESC, one of `@` to `_`, parameters, intermediates, a final byte) and carriage returns
    /// that stand in front of a line's own.
    static func plain(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(0x1B) || hasDoubleReturn(bytes) else { return bytes }
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var place = 0
        while place < bytes.count {
            let byte = bytes[place]
            if byte == 0x1B, let end = endOfSequence(bytes, place) {
                place = end
            } else {
                if byte == 0x0A, plain.last == 0x0D { while plain.dropLast().last == 0x0D { plain.removeLast() } }
                plain.append(byte)
                place += 1
            }
        }
        return plain
    }

    /// Without blanks at both ends.
    static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        let isBlank = { (byte: UInt8) in byte == 0x20 || 0x09...0x0D ~= byte || 0x1C...0x1F ~= byte }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return [] }
        return Array(bytes[first...last])
    }

    private static func hasDoubleReturn(_ bytes: [UInt8]) -> Bool {
        var last: UInt8 = 0
        for byte in bytes {
            if byte == 0x0D, last == 0x0D { return true }
            last = byte
        }
        return false
    }

    /// Behind the control sequence that begins at `start`; `nil` where there is none, or not all of it.
    private static func endOfSequence(_ bytes: [UInt8], _ start: Int) -> Int? {
        guard start + 1 < bytes.count, 0x40...0x5F ~= bytes[start + 1] else { return nil }
        var place = start + 2
        while place < bytes.count, 0x30...0x3F ~= bytes[place] { place += 1 }
        while place < bytes.count, 0x20...0x2F ~= bytes[place] { place += 1 }
        guard place < bytes.count, 0x40...0x7E ~= bytes[place] else { return nil }
        return place + 1
    }
}
