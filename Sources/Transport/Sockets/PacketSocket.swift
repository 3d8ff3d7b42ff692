import CLinux
import Glibc

/// One whole message of a ``PacketSocket``.
package struct Packet: Sendable {
    package let bytes: [UInt8]
    /// What came with it, if anything.
    package let file: OpenFile?
}

/// One end of a Unix connection that carries whole messages, each perhaps with a descriptor. For one task at a time to
/// receive and one to send, on the loop.
package final class PacketSocket: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// The longest message that is received.
    package static let messageLimit = 64 * 1024

    package let loop: EventLoop
    private var descriptor: Int32
    private let reader: Waiter
    private let writer: Waiter

    /// Takes over a connected, non-blocking descriptor and watches it. Call it on the loop.
    ///
    /// - Throws: ``SystemCallError`` when the loop can watch no more descriptors.
    package init(_ descriptor: consuming OwnedDescriptor, on loop: EventLoop) throws(SystemCallError) {
        self.loop = loop
        self.descriptor = descriptor.release()
        reader = Waiter(on: loop)
        writer = Waiter(on: loop)
        try loop.watch(
            self.descriptor, for: [.readable, .writable, .peerClosed, .edgeTriggered], handler: self)
    }

    deinit {
        // Not closed: the loop refused to watch it.
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Connects to a Unix socket. Call it on the loop.
    ///
    /// - Throws: ``SystemCallError``: `ECONNREFUSED` or `ENOENT` when nobody listens there, `EAGAIN` when too many wait,
    ///   `EPROTOTYPE` when it carries no messages.
    package static func connect(to address: SocketAddress, on loop: EventLoop) throws -> PacketSocket {
        let socket = OwnedDescriptor(try SystemCallError.check(rock_packet_socket(), "socket", "\(address)"))
        let number = socket.rawValue
        try address.withKernelForm { form, length in
            guard Glibc.connect(number, form, length) == 0 else {
                throw SystemCallError("connect", "\(address)", errno: errno)
            }
        }
        return try PacketSocket(socket, on: loop)
    }

    package func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        reader.wake()
        writer.wake()
    }

    /// Sends one message, with a descriptor if `passing` is not negative; the caller keeps its own.
    ///
    /// - Throws: ``ConnectionError``: the other end has gone, or took nothing until `deadline`.
    package func send(
        _ bytes: [UInt8], passing: Int32 = -1, until deadline: ContinuousClock.Instant? = nil
    ) async throws {
        while true {
            guard descriptor >= 0 else { throw ConnectionError.closed }
            let result = rock_message_send(descriptor, bytes, UInt32(bytes.count), passing)
            if result == 0 { return }
            guard result == -EAGAIN else {
                throw ConnectionError.failed(SystemCallError("sendmsg", errno: -result))
            }
            try await writer.wait(until: deadline)
        }
    }

    /// The next message; `nil` when the other end has finished.
    ///
    /// - Throws: ``ConnectionError``: `EMSGSIZE` for a message above ``messageLimit``; nothing came until `deadline`;
    ///   ``close()`` was called.
    package func receive(until deadline: ContinuousClock.Instant? = nil) async throws -> Packet? {
        while true {
            guard descriptor >= 0 else { throw ConnectionError.closed }
            var passed: Int32 = -1
            let scratch = loop.scratch
            let count = rock_packet_receive(
                descriptor, scratch.baseAddress, min(scratch.count, Self.messageLimit), &passed)
            let file = passed < 0 ? nil : OpenFile(OwnedDescriptor(passed))
            if count > 0 { return Packet(bytes: Array(scratch[..<count]), file: file) }
            if count == 0 || count == -Int(ECONNRESET) { return nil }
            guard count == -Int(EAGAIN) else {
                throw ConnectionError.failed(SystemCallError("recvmsg", errno: Int32(-count)))
            }
            try await reader.wait(until: deadline)
        }
    }

    /// Closes the connection and fails whoever waits on it. Does nothing the second time.
    package func close() {
        guard descriptor >= 0 else { return }
        loop.unwatch(descriptor)
        _ = Glibc.close(descriptor)
        descriptor = -1
        reader.end(ConnectionError.closed)
        writer.end(ConnectionError.closed)
    }
}
