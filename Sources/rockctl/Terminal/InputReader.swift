import CLinux
import Glibc
import Transport

/// Standard input, read piece by piece on a thread that may wait; cancelling the task ends the wait.
final class InputReader: Sendable {
    private let ending: Int32

    init() throws { ending = try SystemCallError.check(rock_eventfd(), "eventfd") }

    deinit { close(ending) }

    /// The bytes that came next, at most 64 KiB; empty at the end.
    ///
    /// - Throws: `CancellationError`; ``CommandError`` where it cannot be read.
    func next() async throws -> [UInt8] {
        let ending = ending
        let bytes = try await withTaskCancellationHandler {
            try await BlockingPool.run { try Self.read(until: ending) }
        } onCancel: {
            rock_eventfd_signal(ending)
        }
        try Task.checkCancellation()
        return bytes
    }

    private static func read(until ending: Int32) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var ready = [
                pollfd(fd: ending, events: Int16(POLLIN), revents: 0),
                pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&ready, 2, -1) > 0 else { continue }
            if ready[0].revents != 0 { return [] }
            let count = Glibc.read(STDIN_FILENO, &bytes, bytes.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            // A terminal that is gone has no more to say.
            if count < 0, errno == EIO { return [] }
            guard count >= 0 else {
                throw CommandError(.failure, "cannot read standard input: \(String(cString: strerror(errno)))")
            }
            return Array(bytes.prefix(count))
        }
    }
}
