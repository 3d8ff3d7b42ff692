import CLinux
import Glibc
import Transport

/// A TCP port that accepts connections on one loop. For the loop's thread, unless it says otherwise.
final class InternetListener: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only, after `init`.

    /// How many connections one event accepts: the rest waits for its turn.
    private static let acceptsPerEvent = 64

    /// The port it is bound to. Readable from every thread.
    let port: UInt16
    private let loop: EventLoop
    private var descriptor: Int32
    private var accept: ((StreamSocket, IPv4) -> Void)?

    /// Listens; connections wait in the kernel until ``start(_:)``. Callable from every thread.
    ///
    /// - Parameters:
    ///   - address: Need not be an address of any interface yet.
    ///   - port: The wanted port, or 0 for any.
    ///   - takesAnother: Any free port will do where the wanted one is taken or not to be had.
    ///   - machine: A descriptor of the machine's network namespace; `nil` for this process's own.
    ///   - loop: Where connections are accepted.
    /// - Throws: ``SystemCallError`` of `socket`, `bind` or `listen`.
    init(
        _ address: IPv4, _ port: UInt16, takesAnother: Bool = false, machine: Int32?, on loop: EventLoop
    ) throws(SystemCallError) {
        let socket = try NetworkNamespace.socket(.stream, in: machine)
        var on: Int32 = 1
        setsockopt(socket.rawValue, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        // Accepted sockets inherit it: an answer must not wait for more.
        setsockopt(socket.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        try SystemCallError.check(rock_socket_bind_early(socket.rawValue), "setsockopt(IP_FREEBIND)")
        do throws(SystemCallError) {
            try InternetAddress.bind(socket.rawValue, address, port)
        } catch  where takesAnother && (error.errno == EADDRINUSE || error.errno == EACCES) {
            try InternetAddress.bind(socket.rawValue, address, 0)
        }
        guard listen(socket.rawValue, 512) == 0 else { throw SystemCallError("listen", "\(address)", errno: errno) }
        self.port = InternetAddress.boundPort(socket.rawValue)
        self.loop = loop
        descriptor = socket.release()
    }

    deinit {
        if descriptor >= 0 { _ = close(descriptor) }
    }

    var isOpen: Bool { descriptor >= 0 }

    /// Hands every connection, not watched yet, to `accept` until ``stop()``.
    ///
    /// - Throws: ``SystemCallError`` when the loop can watch no more descriptors.
    func start(_ accept: @escaping (StreamSocket, IPv4) -> Void) throws(SystemCallError) {
        self.accept = accept
        try loop.watch(descriptor, for: .readable, handler: self)
    }

    /// Accepts nothing more.
    func stop() {
        guard descriptor >= 0 else { return }
        loop.unwatch(descriptor)
        _ = close(descriptor)
        descriptor = -1
        accept = nil
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        for _ in 0..<Self.acceptsPerEvent {
            guard self.descriptor >= 0, let accept else { return }
            var accepted: Int32 = -1
            let sender = InternetAddress.endpoint { address, length in
                accepted = rock_accept(descriptor, address, length)
                return accepted
            }
            switch -accepted {
            case EAGAIN: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return pause()
            case let failure where failure > 0: continue  // that client has gone already
            default: accept(StreamSocket(OwnedDescriptor(accepted), on: loop), sender?.0 ?? IPv4(0))
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
}
