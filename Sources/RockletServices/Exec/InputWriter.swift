import CLinux
import Glibc
import Transport

/// Writes to a pipe or a terminal as fast as the other end takes it. For the loop's thread only.
final class InputWriter: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    private let loop: EventLoop
    private var descriptor: Int32
    private var pending: [UInt8] = []
    private var isWatched = false
    private var closesWhenWritten = false
    private var waiting: CheckedContinuation<Void, Never>?

    /// Takes over a descriptor.
    init(_ descriptor: consuming OwnedDescriptor, on loop: EventLoop) throws {
        try SystemCallError.check(rock_set_nonblocking(descriptor.rawValue), "fcntl")
        self.loop = loop
        self.descriptor = descriptor.release()
    }

    deinit {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// How much waits to be written.
    var pendingBytes: Int { pending.count }

    /// Writes `bytes` behind what was written before; what the other end does not take at once is kept.
    func write(_ bytes: ArraySlice<UInt8>) {
        guard descriptor >= 0, !closesWhenWritten else { return }
        pending += bytes
        flush()
    }

    /// Waits until little enough is kept, or nobody reads any more.
    func waitForRoom(below limit: Int = 256 * 1024) async {
        guard descriptor >= 0, pending.count > limit, waiting == nil else { return }
        await withCheckedContinuation { waiting = $0 }
    }

    /// Closes the descriptor once everything has been written.
    func finish() {
        closesWhenWritten = true
        flush()
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        flush()
    }

    private func flush() {
        guard descriptor >= 0 else { return }
        var start = 0
        while start < pending.count {
            let count = pending.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress.map { $0 + start }, bytes.count - start)
            }
            if count > 0 {
                start += count
            } else if errno == EINTR {
                continue
            } else if errno == EAGAIN {
                break
            } else {
                // Nobody reads it any more, which is the program's own choice.
                return close()
            }
        }
        pending.removeFirst(start)
        wake()
        if pending.isEmpty {
            pending = []
            if closesWhenWritten { close() } else { unwatch() }
        } else if !isWatched {
            do {
                try loop.watch(descriptor, for: .writable, handler: self)
                isWatched = true
            } catch {
                close()
            }
        }
    }

    private func wake() {
        waiting.take()?.resume()
    }

    private func unwatch() {
        if isWatched { loop.unwatch(descriptor) }
        isWatched = false
    }

    /// Closes the descriptor now.
    func close() {
        guard descriptor >= 0 else { return }
        unwatch()
        _ = Glibc.close(descriptor)
        descriptor = -1
        pending = []
        wake()
    }
}
