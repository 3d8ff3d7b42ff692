import CLinux
import Glibc

/// Memory between a socket and a file. Filled on a loop, written by a thread that may wait for the disk; never both at
/// once.
final class TransferBuffer: @unchecked Sendable {
    // Safety of @unchecked: its one user waits for the writing thread before it touches the memory again.

    /// Large enough that handing it to another thread costs little beside copying it.
    static let size = 512 * 1024

    private let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: TransferBuffer.size, alignment: 4096)
    /// Where the bytes begin that nobody has taken yet, and where they end.
    private(set) var start = 0
    private(set) var end = 0

    deinit { storage.deallocate() }

    var count: Int { end - start }
    var isFull: Bool { end == storage.count && start == 0 }
    /// What can be filled next.
    var room: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: storage[end...]) }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[start..<end]) }

    func didFill(_ count: Int) { end += count }

    func drop(_ count: Int) {
        start += count
        if start == end { (start, end) = (0, 0) }
    }

    /// Moves what is left to the front, to make room behind it.
    func compact() {
        guard start > 0 else { return }
        if count > 0, let base = storage.baseAddress { memmove(base, base + start, count) }
        (start, end) = (0, count)
    }

    /// Appends as much of `piece` as there is room for.
    ///
    /// - Returns: How many bytes.
    func append(_ piece: ArraySlice<UInt8>) -> Int {
        let taken = min(piece.count, storage.count - end)
        piece.prefix(taken).withUnsafeBytes { room.copyMemory(from: $0) }
        end += taken
        return taken
    }

    /// Writes `range` of the bytes to `file`, on a thread that may wait for the disk, and returns when that is done.
    func write(_ range: Range<Int>, to file: OpenFile, at offset: Int64) async throws {
        if range.isEmpty { return }
        try await BlockingPool.transfers.run { [self] in
            var piece = UnsafeRawBufferPointer(rebasing: bytes[range])
            var offset = offset
            while !piece.isEmpty {
                let written = pwrite(file.rawValue, piece.baseAddress, piece.count, off_t(offset))
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw SystemCallError("pwrite", errno: written < 0 ? errno : EIO) }
                piece = UnsafeRawBufferPointer(rebasing: piece[written...])
                offset += Int64(written)
            }
        }
    }
}
