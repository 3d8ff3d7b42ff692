import CLinux
import Glibc
import Transport

/// Reads what comes out of a pipe or a terminal, as it comes. For the loop's thread only.
final class OutputReader: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// Hears what was read, until the end, which is told once.
    struct Listener {
        var bytes: (UnsafeRawBufferPointer) -> Void
        var end: () -> Void
    }

    /// What every read goes through: idle streams need no buffer of their own.
    private static let scratchBytes = 64 * 1024
    // Safety of nonisolated(unsafe): one loop runs in this process, and only its thread reads through it.
    nonisolated(unsafe) private static let scratch = UnsafeMutableRawBufferPointer.allocate(
        byteCount: scratchBytes, alignment: 16)
    /// Reads before other descriptors get their turn.
    private static let readsPerTurn = 16

    private let loop: EventLoop
    private(set) var descriptor: Int32
    private var listener: Listener?
    private var isWatched = false

    /// Takes over a descriptor. Call ``start(_:)`` next.
    init(_ descriptor: consuming OwnedDescriptor, on loop: EventLoop) {
        self.loop = loop
        self.descriptor = descriptor.release()
    }

    deinit {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    var isOpen: Bool { descriptor >= 0 }

    /// - Throws: `SystemCallError` when the loop can watch no more descriptors.
    func start(_ listener: Listener) throws {
        self.listener = listener
        try SystemCallError.check(rock_set_nonblocking(descriptor), "fcntl")
        try resume()
    }

    /// Tells somebody else from now on.
    func listen(_ listener: Listener) {
        self.listener = listener
    }

    /// Takes nothing more until ``resume()``: the writer waits once its pipe is full.
    func pause() {
        guard isOpen, isWatched else { return }
        isWatched = false
        loop.unwatch(descriptor)
    }

    func resume() throws {
        guard isOpen, !isWatched else { return }
        try loop.watch(descriptor, for: .readable, handler: self)
        isWatched = true
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        drain(Self.readsPerTurn)
    }

    /// Reads what is there now, as far as `reads` reads go.
    func drain(_ reads: Int = Int.max) {
        for _ in 0..<reads {
            guard isOpen, isWatched else { return }
            let count = read(descriptor, Self.scratch.baseAddress, Self.scratchBytes)
            if count > 0 {
                listener?.bytes(UnsafeRawBufferPointer(rebasing: Self.scratch[..<count]))
                // Less than asked for: a pipe is empty now. A terminal gives out a line or a page at a time.
                continue
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            // The end; a terminal says EIO once nobody has it open any more.
            let listener = listener
            close()
            listener?.end()
            return
        }
    }

    /// Stops reading and closes the descriptor; the end is not told.
    func close() {
        guard isOpen else { return }
        pause()
        _ = Glibc.close(descriptor)
        descriptor = -1
        listener = nil
    }
}
