import CLinux
import Glibc

extension StreamSocket {
    /// Connects to `address` and watches the socket on `loop`. Call it on the loop.
    ///
    /// - Throws: ``ConnectionError/failed(_:)``: `ECONNREFUSED`, or `ENOENT` for a Unix socket, when nobody listens there;
    ///   ``ConnectionError/timedOut`` after `limit`; ``SystemCallError`` without descriptors.
    package static func connect(to address: SocketAddress, on loop: EventLoop, within limit: Duration) async throws
        -> StreamSocket
    {
        let descriptor = OwnedDescriptor(
            try SystemCallError.check(rock_stream_socket(address.family), "socket", "\(address)"))
        if address.port != nil {
            var on: Int32 = 1
            // Only costs speed when refused.
            setsockopt(
                descriptor.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        let number = descriptor.rawValue
        let result = try address.withKernelForm { form, length in
            Glibc.connect(number, form, length) == 0 ? 0 : errno
        }
        guard result == 0 || result == EINPROGRESS else {
            throw ConnectionError.failed(SystemCallError("connect", "\(address)", errno: result))
        }
        let socket = StreamSocket(descriptor, on: loop)
        try socket.watch()
        if result == EINPROGRESS { try await socket.finishConnecting(to: address, within: limit) }
        return socket
    }

    private func finishConnecting(to address: SocketAddress, within limit: Duration) async throws {
        expectWritable()
        do {
            try await waitUntilWritable(until: loop.now + limit)
            var failure: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
            if failure != 0 { throw ConnectionError.failed(SystemCallError("connect", "\(address)", errno: failure)) }
        } catch {
            close()
            throw error
        }
    }
}
