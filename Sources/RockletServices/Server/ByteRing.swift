/// The last bytes of a stream. Takes no more memory than it holds.
struct ByteRing: Sendable {
    let capacity: Int
    private var storage: [UInt8] = []
    /// Where the oldest byte is, once `storage` is full.
    private var start = 0

    init(capacity: Int) {
        precondition(capacity > 0, "a ring has room")
        self.capacity = capacity
    }

    var count: Int { storage.count }

    /// Everything it holds, oldest first.
    var bytes: [UInt8] { Array(storage[start...]) + storage[..<start] }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { _ = append($0) }
    }

    /// - Returns: How many older bytes had to go.
    @discardableResult
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Int {
        var rest = UnsafeRawBufferPointer(rebasing: bytes.suffix(capacity))
        var lost = bytes.count - rest.count
        let room = min(capacity - storage.count, rest.count)
        if room > 0 {
            storage.append(contentsOf: rest.prefix(room))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(room))
        }
        lost += rest.count
        while !rest.isEmpty {
            let count = min(capacity - start, rest.count)
            storage.withUnsafeMutableBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: bytes[start..<(start + count)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
            }
            start = (start + count) % capacity
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        return lost
    }
}
