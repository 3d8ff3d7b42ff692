import GEM
import Glibc
import Transport

/// Writes a tar into a file and hashes it: ustar, with pax records where that is too small. The same members always give
/// the same bytes.
final class TarWriter {
    private let file: OwnedDescriptor
    private let subject: String
    private var hasher = SHA256Hasher()
    private var buffer: [UInt8] = []
    private(set) var count: Int64 = 0

    /// - Parameters:
    ///   - file: Written from here on.
    ///   - subject: What it is, for errors.
    init(_ file: consuming OwnedDescriptor, _ subject: String) {
        self.file = file
        self.subject = subject
        buffer.reserveCapacity(1 << 18)
    }

    /// Begins a member; its content follows by ``content(_:)``, and ``endContent(_:)`` where it has any.
    func begin(_ entry: TarEntry) throws(Failure) {
        let records = Self.records(for: entry)
        if !records.isEmpty {
            var header = TarEntry(path: Array("@pax".utf8))
            header.size = Int64(records.count)
            try put(Self.block(header, type: UInt8(ascii: "x")))
            try put(records)
            try pad(Int64(records.count))
        }
        try put(Self.block(entry, type: Self.type(of: entry.kind)))
    }

    func content(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        if buffer.count + bytes.count > 1 << 18 || bytes.count >= 1 << 17 { try flush() }
        if bytes.count >= 1 << 17 {
            hasher.update(bytes)
            try Files.write(bytes, to: file, subject)
        } else {
            buffer += bytes
        }
        count += Int64(bytes.count)
    }

    /// Ends the content of a member of `size` bytes.
    func endContent(_ size: Int64) throws(Failure) { try pad(size) }

    /// A whole small file.
    func add(_ path: String, _ bytes: [UInt8]) throws(Failure) {
        var entry = TarEntry(path: Array(path.utf8))
        entry.size = Int64(bytes.count)
        try begin(entry)
        try put(bytes)
        try endContent(entry.size)
    }

    /// Writes the end of the tar.
    ///
    /// - Returns: The digest of the whole.
    func finish() throws(Failure) -> Digest {
        try put([UInt8](repeating: 0, count: 2 * TarBlock.size))
        try flush()
        return hasher.finish()
    }

    private func put(_ bytes: [UInt8]) throws(Failure) {
        do {
            try bytes.withUnsafeBytes { try content($0) }
        } catch {
            throw failure(error)
        }
    }

    private func pad(_ size: Int64) throws(Failure) {
        try put([UInt8](repeating: 0, count: Int(TarBlock.padded(size) - size)))
    }

    private func flush() throws(Failure) {
        hasher.update(buffer)
        try Files.write(buffer, to: file, subject)
        buffer.removeAll(keepingCapacity: true)
    }

    // MARK: Headers

    private static func type(of kind: TarEntry.Kind) -> UInt8 {
        switch kind {
        case .file: UInt8(ascii: "0")
        case .hardLink: UInt8(ascii: "1")
        case .symbolicLink: UInt8(ascii: "2")
        case .device: UInt8(ascii: "3")
        case .folder: UInt8(ascii: "5")
        case .fifo: UInt8(ascii: "6")
        case .other(let type): type
        }
    }

    /// What does not fit the header's fields.
    private static func records(for entry: TarEntry) -> [UInt8] {
        var records: [UInt8] = []
        if entry.path.count > 100 { records += record("path", entry.path) }
        if entry.target.count > 100 { records += record("linkpath", entry.target) }
        if entry.size >= 1 << 33 { records += record("size", Array("\(entry.size)".utf8)) }
        if entry.user >= 1 << 21 { records += record("uid", Array("\(entry.user)".utf8)) }
        if entry.group >= 1 << 21 { records += record("gid", Array("\(entry.group)".utf8)) }
        if !(0..<(1 << 33) ~= entry.modified) { records += record("mtime", Array("\(entry.modified)".utf8)) }
        for (name, value) in entry.attributes.sorted(by: { $0.name < $1.name }) {
            records += record("SCHILY.xattr." + name, value)
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

    private static func block(_ entry: TarEntry, type: UInt8) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: TarBlock.size)
        let put = { (bytes: [UInt8], place: Int) in
            for (offset, byte) in bytes.enumerated() { block[place + offset] = byte }
        }
        let octal = { (value: Int64, width: Int) in
            let digits = Array(String(value, radix: 8).utf8)
            return [UInt8](repeating: 0x30, count: max(0, width - digits.count)) + digits.suffix(width)
        }
        put(Array(entry.path.prefix(100)), 0)
        put(octal(Int64(entry.mode & 0o7777), 7), 100)
        put(octal(entry.user < 1 << 21 ? Int64(entry.user) : 0, 7), 108)
        put(octal(entry.group < 1 << 21 ? Int64(entry.group) : 0, 7), 116)
        put(octal(entry.size < 1 << 33 ? entry.size : 0, 11), 124)
        put(octal(0..<(1 << 33) ~= entry.modified ? entry.modified : 0, 11), 136)
        put([UInt8](repeating: 0x20, count: 8), 148)
        block[156] = type
        put(Array(entry.target.prefix(100)), 157)
        put(Array("ustar\u{0}00".utf8), 257)
        put(octal(block.reduce(0) { $0 + Int64($1) }, 6) + [0, 0x20], 148)
        return block
    }
}
