import CLinux
import Glibc

/// A socket that accepts connections on one loop. Everything is for the loop's thread, unless it says otherwise.
final class Listener: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only, after `init`.

    /// How many connections one event accepts: the rest waits for its turn.
    private static let acceptsPerEvent = 64

    let loop: EventLoop
    /// The address it is bound to, with the port that the kernel has chosen. Readable from every thread.
    let address: SocketAddress
    private var descriptor: Int32
    private let file: SocketFile?
    private var accept: ((consuming OwnedDescriptor, SocketAddress) -> Void)?

    /// Binds and listens; connections wait in the kernel until ``start(_:)``. Callable from every thread.
    ///
    /// With `sharesPort`, several listeners of this process may bind the same port; the kernel spreads connections.
    ///
    /// - Throws: ``SystemCallError`` of `socket`, `bind` or `listen`: `EADDRINUSE` when somebody listens there.
    init(
        _ address: SocketAddress, sharesPort: Bool = false, carriesPackets: Bool = false, on loop: EventLoop
    ) throws {
        if case .unix(let path) = address { try SocketFile.removeStale(path) }
        self.loop = loop
        let socket = OwnedDescriptor(
            try SystemCallError.check(
                carriesPackets ? rock_packet_socket() : rock_stream_socket(address.family), "socket", "\(address)"))
        if address.port != nil {
            Self.enable(socket.rawValue, SOL_SOCKET, SO_REUSEADDR)
            if sharesPort { Self.enable(socket.rawValue, SOL_SOCKET, SO_REUSEPORT) }
            // Accepted sockets inherit it: an answer must not wait for an acknowledgement.
            Self.enable(socket.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY)
        }
        try address.withKernelForm { form, length in
            guard bind(socket.rawValue, form, length) == 0 else {
                throw SystemCallError("bind", "\(address)", errno: errno)
            }
        }
        if case .unix(let path) = address {
            // Before listening, so that there is no moment at which another user could connect.
            guard chmod(path, 0o600) == 0 else { throw SystemCallError("chmod", path, errno: errno) }
            file = SocketFile(path)
        } else {
            file = nil
        }
        guard listen(socket.rawValue, 4096) == 0 else { throw SystemCallError("listen", "\(address)", errno: errno) }
        self.address = Self.boundAddress(socket.rawValue) ?? address
        descriptor = socket.release()
    }

    /// Takes over a socket that listens already, bound by whoever started this process. Its file, if any, is not removed.
    ///
    /// - Throws: ``SystemCallError`` when it is not a descriptor.
    init(listening descriptor: consuming OwnedDescriptor, on loop: EventLoop) throws {
        self.loop = loop
        file = nil
        try SystemCallError.check(rock_set_nonblocking(descriptor.rawValue), "fcntl", "a listening socket")
        address = Self.boundAddress(descriptor.rawValue) ?? .unix(path: "")
        self.descriptor = descriptor.release()
    }

    deinit {
        if descriptor >= 0 { _ = close(descriptor) }
    }

    /// Hands every connection to `accept` until ``stop()``.
    ///
    /// - Throws: ``SystemCallError`` when the loop can watch no more descriptors.
    func start(_ accept: @escaping (consuming OwnedDescriptor, SocketAddress) -> Void) throws {
        self.accept = accept
        try loop.watch(descriptor, for: .readable, handler: self)
    }

    /// Accepts nothing more; connections that wait in the kernel are refused. A Unix socket's file is removed.
    func stop() {
        guard descriptor >= 0 else { return }
        loop.unwatch(descriptor)
        _ = close(descriptor)
        descriptor = -1
        accept = nil
        file?.remove()
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        for _ in 0..<Self.acceptsPerEvent {
            // A callback may have stopped the listener.
            guard self.descriptor >= 0, let accept else { return }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let accepted = withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rock_accept(descriptor, $0, &length) }
            }
            switch -accepted {
            case EAGAIN: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return pause()
            case let failure where failure > 0: continue  // that client has gone already
            default:
                accept(OwnedDescriptor(accepted), SocketAddress(storage) ?? address)
            }
        }
    }

    /// Nothing can be accepted for want of descriptors or memory, and the event would come back at once: look away for a
    /// moment.
    private func pause() {
        loop.unwatch(descriptor)
        loop.schedule(at: loop.now + .milliseconds(100)) { [weak self] in
            guard let self, self.descriptor >= 0 else { return }
            // It was watched before, and nothing else can make that fail; if memory does, the next look tries again.
            do { try self.loop.watch(self.descriptor, for: .readable, handler: self) } catch { self.pause() }
        }
    }

    private static func enable(_ descriptor: Int32, _ level: Int32, _ option: Int32) {
        var on: Int32 = 1
        // What cannot be had costs speed only; a port that is taken is told by `bind`.
        setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func boundAddress(_ descriptor: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return result == 0 ? SocketAddress(storage) : nil
    }
}
