package import GEM

/// The 512 bytes in front of a member.
package struct TarHeader {
    private let block: [UInt8]

    /// Fails where the checksum is not that of the block.
    package init?(_ block: [UInt8]) {
        self.block = block
        guard let written = Self.number(block[148..<156]) else { return nil }
        // The checksum counts as blanks in itself; some old programs added up signed bytes.
        let rest = block[..<148] + block[156...]
        let plain = rest.reduce(Int64(8 * 32)) { $0 + Int64($1) }
        let signed = rest.reduce(Int64(8 * 32)) { $0 + Int64(Int8(bitPattern: $1)) }
        guard written == plain || written == signed else { return nil }
    }

    package var type: UInt8 { block[156] }
    package var size: Int64? { Self.number(block[124..<136]) }

    /// The member that the header alone describes.
    ///
    /// - Throws: ``Failure`` for a number that is none, or beyond what a file system has.
    package func entry(_ subject: String) throws(Failure) -> TarEntry {
        var name = text(0..<100)
        let isPOSIX = Array(block[257..<263]) == Array("ustar\0".utf8)
        let prefix = isPOSIX ? text(345..<500) : []
        if !prefix.isEmpty { name = prefix + [UInt8(ascii: "/")] + name }
        var entry = TarEntry(path: name)
        guard let mode = Self.number(block[100..<108]), let user = Self.number(block[108..<116]),
            let group = Self.number(block[116..<124]), let size, let modified = Self.number(block[136..<148]),
            let user = UInt32(exactly: user), let group = UInt32(exactly: group), 0...(1 << 56) ~= size
        else { throw Failure(.invalidArgument, "\(subject) is no sound tar: a number of \(name.text) is none.") }
        entry.mode = UInt32(truncatingIfNeeded: mode) & 0o7777
        (entry.user, entry.group, entry.modified) = (user, group, modified)
        entry.target = text(157..<257)
        entry.kind =
            switch type {
            // Before POSIX, a slash behind its name told a folder. Later a long name may be cut off behind one.
            case 0: name.last == UInt8(ascii: "/") ? .folder : .file
            case UInt8(ascii: "0"), UInt8(ascii: "7"): .file
            case UInt8(ascii: "1"): .hardLink
            case UInt8(ascii: "2"): .symbolicLink
            case UInt8(ascii: "3"), UInt8(ascii: "4"): .device
            case UInt8(ascii: "5"): .folder
            case UInt8(ascii: "6"): .fifo
            default: .other(type)
            }
        // POSIX lets a hard link carry content; nobody writes that, and old programs leave a size that means nothing.
        entry.size = entry.kind == .file ? size : 0
        if case .other = entry.kind { entry.size = size }
        return entry
    }

    private func text(_ range: Range<Int>) -> [UInt8] { block[range].prefix { $0 != 0 }.map(\.self) }

    /// An octal number, or a binary one marked by its first bit; `nil` where it is neither or does not fit.
    static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 {
            var value: Int64 = first & 0x40 != 0 ? -1 : 0
            for (place, byte) in field.enumerated() {
                let byte = place == 0 ? first & 0x7F | (first & 0x40) << 1 : byte
                let (next, overflow) = value.multipliedReportingOverflow(by: 256)
                guard !overflow else { return nil }
                value = next | Int64(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        guard digits.count <= 20, digits.allSatisfy({ 0x30...0x37 ~= $0 }) else { return nil }
        return digits.reduce(0) { $0 << 3 | Int64($1 - 0x30) }
    }
}
