import CLinux
import Glibc

/// Why a connection cannot go on.
package enum ConnectionError: Error, Equatable, Sendable {
    /// It was closed at this end, or the other end closed it in the middle of something.
    case closed
    /// The other end did not send or take anything for too long.
    case timedOut
    /// The kernel reported a failure, such as a reset by the other end.
    case failed(SystemCallError)
}

/// One connected, non-blocking socket on one loop. Everything but ``loop`` is for the loop's thread only.
///
/// It is watched edge-triggered and once for its whole life, so that a request costs no `epoll_ctl`: what the kernel
/// reported is remembered here until a short read or a full send buffer shows that it is no longer so.
package final class StreamSocket: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: all variables are touched on the loop's thread only; `watch`, which every life begins with,
    // checks that it is.

    package let loop: EventLoop
    package private(set) var descriptor: Int32
    private var mayRead = true
    private var mayWrite = true
    /// The other end will send nothing more; what it has sent may still be waiting.
    package private(set) var peerHasClosed = false
    private let reader: Waiter
    private let writer: Waiter
    /// Told when the other end has gone or half gone, on the loop.
    var onPeerClosed: (() -> Void)?
    /// Told when nothing can be received or sent any more because the other end has gone, on the loop.
    package var onHangUp: (() -> Void)?

    /// Takes over a connected or connecting descriptor. Call ``watch()`` next, on the loop.
    package init(_ descriptor: consuming OwnedDescriptor, on loop: EventLoop) {
        self.loop = loop
        self.descriptor = descriptor.release()
        reader = Waiter(on: loop)
        writer = Waiter(on: loop)
    }

    deinit {
        // Not closed: never watched, or the loop would hold it.
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// - Throws: ``SystemCallError`` when the loop can watch no more descriptors.
    package func watch() throws(SystemCallError) {
        try loop.watch(descriptor, for: [.readable, .writable, .peerClosed, .edgeTriggered], handler: self)
    }

    package var isOpen: Bool { descriptor >= 0 }

    package func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        if !readiness.isDisjoint(with: [.peerClosed, .hangUp, .failed]), !peerHasClosed {
            peerHasClosed = true
            mayRead = true
            onPeerClosed?()
        }
        if !readiness.isDisjoint(with: [.hangUp, .failed]) { onHangUp.take()?() }
        if readiness.contains(.readable) || peerHasClosed {
            mayRead = true
            reader.wake()
        }
        if readiness.contains(.writable) || !readiness.isDisjoint(with: [.hangUp, .failed]) {
            mayWrite = true
            writer.wake()
        }
    }

    // MARK: Receiving

    /// Takes what has arrived.
    ///
    /// - Returns: How many bytes; 0 when the other end will send nothing more; `nil` when nothing is there yet.
    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(ConnectionError) -> Int? {
        guard isOpen else { throw .closed }
        guard mayRead else { return nil }
        let count = rock_receive_now(descriptor, buffer.baseAddress, buffer.count)
        if count == -Int(EAGAIN) {
            mayRead = false
            return nil
        }
        guard count >= 0 else { throw .failed(SystemCallError("recv", errno: Int32(-count))) }
        // A short read has emptied the kernel's buffer. After the end there is no further edge to wait for.
        if count < buffer.count, !peerHasClosed { mayRead = false }
        return count
    }

    /// Waits until ``receive(into:)`` is worth trying. For one task at a time.
    ///
    /// - Throws: ``ConnectionError/timedOut`` at `deadline`, ``ConnectionError/closed`` when ``close()`` is called.
    package func waitUntilReadable(until deadline: ContinuousClock.Instant? = nil) async throws {
        guard isOpen else { throw ConnectionError.closed }
        if !mayRead { try await reader.wait(until: deadline) }
    }

    // MARK: Sending

    /// Hands bytes to the kernel until it takes no more.
    ///
    /// - Returns: How many it took.
    package func send(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer? = nil) throws(ConnectionError)
        -> Int
    {
        guard isOpen else { throw .closed }
        guard mayWrite else { return 0 }
        let wanted = first.count + (second?.count ?? 0)
        var sent = 0
        while sent < wanted {
            let head = UnsafeRawBufferPointer(rebasing: first.dropFirst(sent))
            let tail = second.map { UnsafeRawBufferPointer(rebasing: $0.dropFirst(max(0, sent - first.count))) }
            let count =
                if let tail {
                    rock_send_two(descriptor, head.baseAddress, head.count, tail.baseAddress, tail.count)
                } else {
                    rock_send_now(descriptor, head.baseAddress, head.count)
                }
            if count == -Int(EAGAIN) {
                mayWrite = false
                break
            }
            guard count >= 0 else { throw .failed(SystemCallError("send", errno: Int32(-count))) }
            sent += count
        }
        return sent
    }

    /// Waits until the kernel takes more. For one task at a time.
    ///
    /// - Throws: As ``waitUntilReadable(until:)``.
    package func waitUntilWritable(until deadline: ContinuousClock.Instant? = nil) async throws {
        guard isOpen else { throw ConnectionError.closed }
        if !mayWrite { try await writer.wait(until: deadline) }
    }

    // MARK: Ending

    /// Tells the other end that nothing more comes; what it sends can still be received.
    package func finishSending() {
        if isOpen { shutdown(descriptor, Int32(SHUT_WR)) }
    }

    /// Closes the socket and fails whoever waits on it with `error`. Does nothing the second time.
    package func close(_ error: ConnectionError = .closed) {
        guard isOpen else { return }
        loop.unwatch(descriptor)
        _ = Glibc.close(descriptor)
        descriptor = -1
        onPeerClosed = nil
        onHangUp = nil
        reader.end(error)
        writer.end(error)
    }

    /// Has the kernel find out, within some minutes, that the other machine has vanished. Means nothing to a Unix socket.
    func keepAlive() {
        let set = { (level: Int32, option: Int32, value: Int32) in
            var value = value
            // What cannot be had only takes longer to find out.
            setsockopt(self.descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
        set(SOL_SOCKET, SO_KEEPALIVE, 1)
        set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 15)
        set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 4)
    }

    /// The socket is connecting: the kernel reports it writable when it is.
    func expectWritable() {
        mayWrite = false
    }

    /// Something else is about to receive from this socket: only an event tells that there is more. After the other end's
    /// last word there is none.
    func expectReadable() {
        mayRead = peerHasClosed
    }

    /// Something else has received from this socket: only the next try tells whether there is more.
    func assumeReadable() {
        mayRead = true
    }

    /// Something else has sent over this socket: only the next try tells whether it takes more.
    func assumeWritable() {
        mayWrite = true
    }

    /// Fails the wait for data, if there is one, and leaves the socket open.
    func interruptReader(_ error: any Error) {
        reader.wake(.failure(error))
    }

    /// The same for the wait for room.
    func interruptWriter(_ error: any Error) {
        writer.wake(.failure(error))
    }
}

// MARK: Whole messages

extension StreamSocket {
    /// Appends what has arrived to `input`, at most `scratch.count` bytes.
    ///
    /// - Returns: As ``receive(into:)``.
    func receive(
        appendingTo input: inout InputBuffer, by scratch: UnsafeMutableRawBufferPointer
    ) throws(ConnectionError) -> Int? {
        guard let count = try receive(into: scratch) else { return nil }
        input.append(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        return count
    }

    /// Sends all of `first` and `second`, as fast as the other end takes them, which may take nothing for `patience`.
    ///
    /// - Parameters:
    ///   - first: What comes first.
    ///   - second: What follows.
    ///   - patience: How long the other end may take nothing.
    ///   - deadline: When all must have been taken, which then counts instead.
    /// - Throws: ``ConnectionError``.
    package func sendAll(
        _ first: [UInt8], _ second: [UInt8] = [], patience: Duration, until deadline: ContinuousClock.Instant? = nil
    ) async throws {
        var sent = try sendSome(first, second, from: 0)
        while sent < first.count + second.count {
            try await waitUntilWritable(until: deadline ?? loop.now + patience)
            sent += try sendSome(first, second, from: sent)
        }
    }

    /// Hands over what the kernel takes, from the byte `start` of both together.
    ///
    /// - Returns: How many bytes it took.
    func sendSome(_ first: [UInt8], _ second: [UInt8], from start: Int) throws(ConnectionError) -> Int {
        let result = first.withUnsafeBytes { first in
            second.withUnsafeBytes { second -> Result<Int, ConnectionError> in
                let head = UnsafeRawBufferPointer(rebasing: first.dropFirst(start))
                let tail = UnsafeRawBufferPointer(rebasing: second.dropFirst(max(0, start - first.count)))
                return Result { () throws(ConnectionError) in try send(head, tail.isEmpty ? nil : tail) }
            }
        }
        return try result.get()
    }
}
