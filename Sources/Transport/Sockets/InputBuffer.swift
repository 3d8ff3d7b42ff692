/// Bytes that have arrived and nobody has taken yet.
struct InputBuffer {
    private(set) var bytes: [UInt8] = []
    private(set) var start = 0

    /// Storage beyond this is given back once it is empty: ten thousand idle connections must not keep their largest
    /// message each.
    private static let keptCapacity = 16 * 1024

    var count: Int { bytes.count - start }
    var isEmpty: Bool { start == bytes.count }
    /// The first byte that nobody has taken.
    var first: UInt8? { isEmpty ? nil : bytes[start] }

    mutating func append(_ new: UnsafeRawBufferPointer) {
        if isEmpty {
            bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
            start = 0
        } else if start > bytes.count / 2 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: new)
    }

    /// Lets go of the first `count` bytes.
    mutating func drop(_ count: Int) {
        start += count
    }

    /// Takes the first `count` bytes out.
    mutating func take(_ count: Int) -> [UInt8] {
        if start == 0, count == bytes.count, count > Self.keptCapacity {
            // All of it, and large: hand over the storage itself.
            let all = bytes
            bytes = []
            return all
        }
        defer { drop(count) }
        return Array(bytes[start..<(start + count)])
    }

    /// Lends the bytes to a parser.
    func withSpan<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let span = bytes.span
        return try body(span.extracting(start..<bytes.count))
    }
}
