import CLinux
import Glibc

/// Whole files between a socket and the disk. The kernel moves them: no byte passes through this process.
extension StreamSocket {
    /// How much one turn of a thread moves at most: a fast client must not keep the thread from others.
    private static let bytesPerTurn = 4 << 20
    /// How long a thread waits for the other end, in milliseconds: giving the socket back to the loop and getting it again
    /// takes longer than a fast client needs to go on.
    private static let patienceInTurn: Int32 = 3

    /// Sends a part of a file.
    ///
    /// - Parameters:
    ///   - file: Opened for reading.
    ///   - range: Which bytes.
    ///   - patience: How long the other end may take nothing.
    /// - Throws: ``ConnectionError``; ``SystemCallError`` when the file cannot be read, `ENODATA` when it ends early.
    func send(_ file: OpenFile, _ range: Range<Int64>, patience: Duration) async throws {
        let sink = try ownedCopy()
        var offset = range.lowerBound
        defer { assumeWritable() }
        while offset < range.upperBound {
            guard isOpen else { throw ConnectionError.closed }
            // Noted before the thread tries, so that the event which makes room meanwhile is not lost.
            expectWritable()
            let start = offset
            let count = min(Int(range.upperBound - start), Self.bytesPerTurn)
            let result = try await BlockingPool.transfers.run {
                var place = start
                return rock_send_from_file(sink.rawValue, file.rawValue, &place, count, Self.patienceInTurn)
            }
            switch result {
            case -Int(EAGAIN): try await waitUntilWritable(until: loop.now + patience)
            case 0: throw SystemCallError("sendfile", "a file that has become shorter", errno: ENODATA)
            case ..<0:
                let reason = SystemCallError("sendfile", errno: Int32(-result))
                if [EPIPE, ECONNRESET].contains(reason.errno) { throw ConnectionError.failed(reason) }
                throw reason
            default: offset += Int64(result)
            }
        }
    }

    /// Receives bytes into a file.
    ///
    /// - Parameters:
    ///   - count: How many are to come; no more are taken.
    ///   - file: Opened for writing; a regular file.
    ///   - offset: Where the first goes.
    ///   - took: Told how many the socket has no more, also of those that the file did not take.
    ///   - wait: Waits until more have arrived, or throws.
    /// - Throws: What `wait` throws; ``ConnectionError``, `closed` where the other end sends fewer; ``SystemCallError`` of
    ///   `splice`, such as `ENOSPC`.
    func receive(
        _ count: Int, into file: OpenFile, at offset: Int64, took: (Int) -> Void, wait: () async throws -> Void
    ) async throws {
        let source = try ownedCopy()
        let pipe = try TransferPipe()
        var taken = 0
        defer { assumeReadable() }
        while taken < count {
            guard isOpen else { throw ConnectionError.closed }
            expectReadable()
            let place = offset + Int64(taken)
            let wanted = min(count - taken, Self.bytesPerTurn)
            let receipt = try await BlockingPool.transfers.run {
                pipe.receive(wanted, from: source, into: file, at: place, patience: Self.patienceInTurn)
            }
            taken += Int(receipt.taken)
            took(Int(receipt.taken))
            if receipt.file_error != 0 { throw SystemCallError("splice", errno: receipt.file_error) }
            switch receipt.socket_error {
            case 0: break
            case EAGAIN: try await wait()
            case ENODATA: throw ConnectionError.closed
            case let error: throw ConnectionError.failed(SystemCallError("splice", errno: error))
            }
        }
    }

    /// The socket under a number of its own: this one's may be closed and given to another connection while a thread uses it.
    private func ownedCopy() throws -> OpenFile {
        guard isOpen else { throw ConnectionError.closed }
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { throw SystemCallError("fcntl", errno: errno) }
        return OpenFile(OwnedDescriptor(own))
    }
}

/// What bytes pass on their way from a socket to a file: the kernel only knows how to move them by way of a pipe.
private final class TransferPipe: Sendable {
    /// As much as any user may have; the system's usual 64 KiB mean sixteen times as many calls.
    private static let size: Int32 = 1 << 20
    private static let setSize: Int32 = 1031  // F_SETPIPE_SZ, which Glibc's module does not show

    private let output: OwnedDescriptor
    private let input: OwnedDescriptor

    init() throws {
        var ends: [Int32] = [-1, -1]
        try SystemCallError.check(rock_pipe(&ends, 0), "pipe")
        output = OwnedDescriptor(ends[0])
        input = OwnedDescriptor(ends[1])
        // A smaller one does as well, in more steps.
        _ = fcntl(ends[1], Self.setSize, Self.size)
    }

    /// Blocks while the file is written, and a moment for the other end of the socket.
    func receive(
        _ count: Int, from socket: OpenFile, into file: OpenFile, at offset: Int64, patience: Int32
    ) -> rock_receipt {
        let ends = [output.rawValue, input.rawValue]
        return rock_receive_to_file(socket.rawValue, ends, file.rawValue, offset, count, patience)
    }
}
