import CImages
import GEM
import Glibc
import Transport

/// Reads a descriptor to its end, hashing everything and counting against a limit. For one thread.
final class ByteStream {
    private let descriptor: Int32
    private let subject: String
    private let limit: Int64
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
    private var start = 0
    private var end = 0
    private var hasher = SHA256Hasher()
    /// Bytes taken from the descriptor so far.
    private(set) var count: Int64 = 0
    /// Called with every piece; throws to stop.
    var heard: (Int64) throws(Failure) -> Void = { (_: Int64) throws(Failure) in }

    /// - Parameters:
    ///   - descriptor: Read from here on; stays the caller's.
    ///   - subject: What it is, for errors.
    ///   - limit: Bytes after which there is too much.
    init(_ descriptor: Int32, _ subject: String, limit: Int64) {
        self.descriptor = descriptor
        self.subject = subject
        self.limit = limit
    }

    deinit { buffer.deallocate() }

    /// Fills the empty buffer; false at the end.
    private func fill() throws(Failure) -> Bool {
        while true {
            let got = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw Failure("read", subject, errno) }
            start = 0
            end = got
            count += Int64(got)
            guard count <= limit else {
                throw Failure(.tooLarge, "\(subject) holds more than \(limit) bytes, which is the limit.")
            }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            try heard(count)
            return got > 0
        }
    }

    /// Exactly `wanted` bytes, or `nil` where the stream ended before the first of them.
    ///
    /// - Throws: ``Failure`` where it ends among them.
    func read(_ wanted: Int) throws(Failure) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(wanted)
        while bytes.count < wanted {
            if start == end, try !fill() {
                if bytes.isEmpty { return nil }
                throw endedEarly
            }
            let part = min(end - start, wanted - bytes.count)
            bytes += buffer[start..<start + part]
            start += part
        }
        return bytes
    }

    /// Hands the next `wanted` bytes on in pieces.
    func pass(
        _ wanted: Int64, to take: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var left = wanted
        while left > 0 {
            if start == end, try !fill() { throw endedEarly }
            let part = Int(min(Int64(end - start), left))
            try take(UnsafeRawBufferPointer(rebasing: buffer[start..<start + part]))
            start += part
            left -= Int64(part)
        }
    }

    /// Hands on what comes next, as much as is there; false at the end.
    func passSome(_ take: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) -> Bool {
        if start == end, try !fill() { return false }
        try take(UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
        start = end
        return true
    }

    /// Skips the next `wanted` bytes.
    func skip(_ wanted: Int64) throws(Failure) { try pass(wanted) { _ throws(Failure) in } }

    /// Reads everything that is left, so that the digest is that of the whole.
    func drain() throws(Failure) { while try fill() {} }

    /// The digest of everything that was taken; call once.
    func digest() -> Digest { hasher.finish() }

    private var endedEarly: Failure { Failure(.invalidArgument, "\(subject) ends in the middle; it is incomplete.") }
}
