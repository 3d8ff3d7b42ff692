extension TarEntry.Kind {
    /// The header's byte for it.
    package var type: UInt8 {
        switch self {
        case .file: UInt8(ascii: "0")
        case .hardLink: UInt8(ascii: "1")
        case .symbolicLink: UInt8(ascii: "2")
        case .device: UInt8(ascii: "3")
        case .folder: UInt8(ascii: "5")
        case .fifo: UInt8(ascii: "6")
        case .other(let type): type
        }
    }
}

extension TarEntry {
    /// Everything that precedes the content: an extended header where the plain one is too small, and that.
    package var header: [UInt8] {
        let records = extensionRecords
        guard !records.isEmpty else { return block(type: kind.type) }
        var extended = TarEntry(path: Array("@pax".utf8))
        extended.size = Int64(records.count)
        let padding = [UInt8](repeating: 0, count: Int(TarBlock.padded(extended.size)) - records.count)
        return extended.block(type: UInt8(ascii: "x")) + records + padding + block(type: kind.type)
    }

    /// What does not fit the header's fields.
    package var extensionRecords: [UInt8] {
        var records: [UInt8] = []
        if path.count > 100 { records += Self.record("path", path) }
        if target.count > 100 { records += Self.record("linkpath", target) }
        if size >= 1 << 33 { records += Self.record("size", Array("\(size)".utf8)) }
        if user >= 1 << 21 { records += Self.record("uid", Array("\(user)".utf8)) }
        if group >= 1 << 21 { records += Self.record("gid", Array("\(group)".utf8)) }
        if !(0..<(1 << 33) ~= modified) { records += Self.record("mtime", Array("\(modified)".utf8)) }
        for (name, value) in attributes.sorted(by: { $0.name < $1.name }) {
            records += Self.record("SCHILY.xattr." + name, value)
        }
        return records
    }

    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let body = Array(" \(key)=".utf8) + value + [0x0A]
        // The length counts its own digits.
        var length = body.count + 1
        while String(length).utf8.count + body.count != length { length = String(length).utf8.count + body.count }
        return Array(String(length).utf8) + body
    }

    /// The 512 bytes in front of the member.
    package func block(type: UInt8) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: TarBlock.size)
        let put = { (bytes: [UInt8], place: Int) in
            for (offset, byte) in bytes.enumerated() { block[place + offset] = byte }
        }
        let octal = { (value: Int64, width: Int) in
            let digits = Array(String(value, radix: 8).utf8)
            return [UInt8](repeating: 0x30, count: max(0, width - digits.count)) + digits.suffix(width)
        }
        put(Array(path.prefix(100)), 0)
        put(octal(Int64(mode & 0o7777), 7), 100)
        put(octal(user < 1 << 21 ? Int64(user) : 0, 7), 108)
        put(octal(group < 1 << 21 ? Int64(group) : 0, 7), 116)
        put(octal(size < 1 << 33 ? size : 0, 11), 124)
        put(octal(0..<(1 << 33) ~= modified ? modified : 0, 11), 136)
        put([UInt8](repeating: 0x20, count: 8), 148)
        block[156] = type
        put(Array(target.prefix(100)), 157)
        put(Array("ustar\u{0}00".utf8), 257)
        put(octal(block.reduce(0) { $0 + Int64($1) }, 6) + [0, 0x20], 148)
        return block
    }
}
