/// What a program wrote, as far as a limit: its beginning and its end, and between them how much is left out.
struct CappedOutput: Sendable {
    /// What is kept of one stream unless a caller says otherwise.
    static let defaultLimit = 16 << 20  // bytes

    private let headLimit: Int
    private var head: [UInt8] = []
    private var tail: ByteRing
    /// How many bytes are left out.
    private(set) var omitted = 0

    /// - Parameter limit: How many bytes to keep, half from each end; at least 2.
    init(limit: Int = defaultLimit) {
        headLimit = limit / 2
        tail = ByteRing(capacity: max(1, limit - limit / 2))
    }

    /// How many bytes were written.
    var total: Int { head.count + tail.count + omitted }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        let room = min(headLimit - head.count, bytes.count)
        if room > 0 { head.append(contentsOf: bytes.prefix(room)) }
        if room < bytes.count { omitted += tail.append(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(room))) }
    }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// The bytes, without anything in the place of what is left out.
    var bytes: [UInt8] { head + tail.bytes }

    /// The bytes, with a line that says how many are left out. Characters that the cut went through go too.
    var marked: [UInt8] {
        guard omitted > 0 else { return bytes }
        let first = head.dropLast(Self.partialCharacter(head.suffix(4)))
        let last = tail.bytes.drop { $0 & 0xC0 == 0x80 }
        let missing = total - first.count - last.count
        return first + Array("\n[... \(missing) bytes left out ...]\n".utf8) + last
    }

    /// How many bytes at the end of `bytes` begin a character that is not all there.
    private static func partialCharacter(_ bytes: ArraySlice<UInt8>) -> Int {
        for (back, byte) in bytes.reversed().enumerated() where byte & 0xC0 != 0x80 {
            let length = byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            return length > back + 1 ? back + 1 : 0
        }
        return 0
    }
}
