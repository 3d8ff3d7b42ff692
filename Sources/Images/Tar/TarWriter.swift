import GEM
import Glibc
import Tar
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
        let records = entry.extensionRecords
        if !records.isEmpty {
            var header = TarEntry(path: Array("@pax".utf8))
            header.size = Int64(records.count)
            try put(header.block(type: UInt8(ascii: "x")))
            try put(records)
            try pad(Int64(records.count))
        }
        try put(entry.block(type: entry.kind.type))
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
}
