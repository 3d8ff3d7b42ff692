import CLinux
import Glibc

extension StreamSocket {
    /// How much one turn of a thread sends at most: a fast client must not keep the thread from others.
    private static let bytesPerTurn = 4 << 20

    /// Sends a part of a file. The kernel moves it; no byte passes through this process.
    ///
    /// - Parameters:
    ///   - file: Opened for reading.
    ///   - range: Which bytes.
    ///   - patience: How long the other end may take nothing.
    /// - Throws: ``ConnectionError``; ``SystemCallError`` when the file cannot be read, `ENODATA` when it ends early.
    func send(_ file: OpenFile, _ range: Range<Int64>, patience: Duration) async throws {
        guard isOpen else { throw ConnectionError.closed }
        // A number of its own: this socket's may be closed and given to another connection while the thread sends.
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { throw SystemCallError("fcntl", errno: errno) }
        let sink = OpenFile(OwnedDescriptor(own))
        var offset = range.lowerBound
        defer { assumeWritable() }
        while offset < range.upperBound {
            // Noted before the thread tries, so that the event which makes room meanwhile is not lost.
            expectWritable()
            let start = offset
            let result = try await BlockingPool.transfers.run {
                var place = start
                let end = min(range.upperBound, start + Int64(Self.bytesPerTurn))
                while place < end {
                    let count = rock_sendfile(sink.rawValue, file.rawValue, &place, Int(end - place))
                    if count == -Int(EAGAIN), place > start { break }
                    if count < 0 { return Int64(count) }
                    if count == 0 { break }
                }
                return place - start
            }
            switch result {
            case Int64(-EAGAIN): try await waitUntilWritable(until: loop.now + patience)
            case 0: throw SystemCallError("sendfile", "a file that has become shorter", errno: ENODATA)
            case ..<0:
                let reason = SystemCallError("sendfile", errno: Int32(-result))
                if [EPIPE, ECONNRESET].contains(reason.errno) { throw ConnectionError.failed(reason) }
                throw reason
            default: offset += result
            }
        }
    }
}
