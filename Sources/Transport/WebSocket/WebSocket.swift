/// What a WebSocket allows the other end.
package struct WebSocketConfiguration: Sendable {
    /// Bytes of one message, all fragments together. Beyond it the socket is closed with 1009.
    package var maximumMessageBytes = 16 * 1024 * 1024
    /// How long the other end may be silent before it is asked whether it is there (a ping), and then again before it is
    /// given up; `nil` never asks. Counted while this end reads.
    package var pingInterval: Duration? = .seconds(60)
    /// How long the other end may take nothing of what is sent to it. Then the connection is closed.
    package var writeTimeout: Duration = .seconds(30)
    /// How long to wait for the other end's goodbye.
    package var closeTimeout: Duration = .seconds(5)
    /// What the server calls the protocols it speaks on top, best first; the first that the client offers is agreed on.
    package var subprotocols: [String] = []

    package init() {}
}

/// One end of a WebSocket. Messages are read by one task; sending is open to all, in the order of the calls.
///
///     for try await message in socket { try await socket.send(text: answer(message.bytes)) }
///
/// Pings are answered and the closing handshake is done while a task reads.
package final class WebSocket: AsyncSequence, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only, where every method hops to.

    package typealias Element = WebSocketMessage

    private enum State: Equatable {
        case open
        /// This end has said goodbye; the other's is awaited until then.
        case closing(until: ContinuousClock.Instant)
        /// Both have, or the connection is of no further use.
        case closed
    }

    package let loop: EventLoop
    /// The protocol on top that both ends agreed on, if any.
    package let subprotocol: String?
    private let role: WebSocketRole
    private let configuration: WebSocketConfiguration
    private let socket: StreamSocket
    private let outgoing: OutgoingStream
    private var input: InputBuffer
    private var decoder: WebSocketDecoder
    private var state = State.open
    private var hasPinged = false

    init(
        _ socket: StreamSocket, role: WebSocketRole, input: InputBuffer, subprotocol: String?,
        _ configuration: WebSocketConfiguration
    ) {
        self.socket = socket
        self.role = role
        self.input = input
        self.subprotocol = subprotocol
        self.configuration = configuration
        loop = socket.loop
        outgoing = OutgoingStream(socket, patience: configuration.writeTimeout)
        decoder = WebSocketDecoder(role: role, messageLimit: configuration.maximumMessageBytes)
    }

    /// Letting go of a WebSocket cuts its connection.
    deinit {
        let socket = socket
        loop.execute { socket.close() }
    }

    // MARK: Reading

    /// See ``WebSocket``.
    package struct AsyncIterator: AsyncIteratorProtocol, Sendable {
        let socket: WebSocket

        /// The next message; `nil` when the socket has been closed in good order.
        ///
        /// - Throws: ``WebSocketError`` when the other end breaks a rule (it has been told so), ``ConnectionError`` when
        ///   the connection breaks or falls silent, `CancellationError`.
        package mutating func next() async throws -> WebSocketMessage? {
            let socket = socket
            if socket.loop.isCurrent { return try await socket.nextMessage() }
            return try await socket.loop.hop { try await socket.nextMessage() }
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(socket: self) }

    private func nextMessage() async throws -> WebSocketMessage? {
        while state != .closed {
            do {
                switch try nextEvent() {
                case .message(let message):
                    if state == .open { return message }
                case .ping(let payload):
                    if state == .open { try await outgoing.send(frame(.pong, payload)) }
                case .pong:
                    break
                case .close(let code):
                    try receiveClose(code)
                case nil:
                    try await fill()
                }
            } catch let error as WebSocketError {
                try? sendClose(error.code)  // the error itself is what matters
                state = .closed
                throw error
            }
        }
        // The server closes the connection itself, after reading what may still come.
        if role == .client {
            try? await outgoing.flush()  // a goodbye that does not arrive is no failure
            socket.close()
        }
        return nil
    }

    private func nextEvent() throws(WebSocketError) -> WebSocketDecoder.Event? {
        var position = 0
        defer { input.drop(position) }
        return try input.withSpan { span throws(WebSocketError) in try decoder.next(span, from: &position) }
    }

    private func fill() async throws {
        if let count = try socket.receive(appendingTo: &input, by: loop.scratch) {
            hasPinged = false
            if count > 0 { return }
            let wasClosing = state != .open
            state = .closed
            // After this end's goodbye the other may just hang up.
            if !wasClosing { throw ConnectionError.closed }
            return
        }
        do {
            try await withTaskCancellationHandler {
                try await socket.waitUntilReadable(until: deadline)
            } onCancel: {
                loop.execute { self.socket.interruptReader(CancellationError()) }
            }
        } catch ConnectionError.timedOut {
            try await patienceEnded()
        } catch ReaderInterruption.lookAgain {
        }
    }

    private var deadline: ContinuousClock.Instant? {
        if case .closing(let until) = state { return until }
        return configuration.pingInterval.map { loop.now + $0 }
    }

    private func patienceEnded() async throws {
        guard state == .open else {
            state = .closed
            return
        }
        if hasPinged {
            state = .closed
            throw ConnectionError.timedOut
        }
        hasPinged = true
        try await outgoing.send(frame(.ping, []))
    }

    // MARK: Writing

    /// Whether messages can be sent; on the loop only.
    var isOpen: Bool { state == .open }

    /// Sends a text message. Returns when the kernel has it, or little enough waits.
    ///
    /// - Parameter text: UTF-8.
    /// - Throws: ``ConnectionError`` when the socket is closing or has failed.
    package func send(text: [UInt8]) async throws {
        try await send(.text, text)
    }

    /// The same for a `String`.
    package func send(text: String) async throws {
        try await send(.text, Array(text.utf8))
    }

    /// Sends a binary message, as ``send(text:)-swift.method`` does.
    package func send(binary: [UInt8]) async throws {
        try await send(.binary, binary)
    }

    private func send(_ opcode: WebSocketOpcode, _ payload: [UInt8]) async throws {
        if loop.isCurrent { return try await sendOnLoop(opcode, payload) }
        try await loop.hop { try await self.sendOnLoop(opcode, payload) }
    }

    private func sendOnLoop(_ opcode: WebSocketOpcode, _ payload: [UInt8]) async throws {
        guard state == .open else { throw ConnectionError.closed }
        guard role == .server, payload.count > 4096 else { return try await outgoing.send(frame(opcode, payload)) }
        var header: [UInt8] = []
        WebSocketFrameHeader(isFinal: true, opcode: opcode, length: payload.count).append(to: &header)
        try await outgoing.send(header, payload)
    }

    private func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8]) -> [UInt8] {
        let mask: UInt32? = role == .client ? .random(in: 0...UInt32.max) : nil
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count + 14)
        WebSocketFrameHeader(isFinal: true, opcode: opcode, length: payload.count, mask: mask).append(to: &bytes)
        let start = bytes.count
        bytes.append(contentsOf: payload)
        if let mask { applyMask(mask, offset: 0, to: &bytes, from: start) }
        return bytes
    }

    // MARK: Closing

    /// Says goodbye. The reader goes on until the other end has said so too, or time is up, and then ends without error.
    package func close(_ code: WebSocketCloseCode = .normal) {
        loop.execute { self.beginClosing(code) }
    }

    /// The server is going away.
    func goAway() {
        beginClosing(.goingAway)
    }

    private func beginClosing(_ code: WebSocketCloseCode) {
        guard state == .open else { return }
        // A connection that has failed already ends all the same.
        try? sendClose(code)
        state = .closing(until: loop.now + configuration.closeTimeout)
        socket.interruptReader(ReaderInterruption.lookAgain)
    }

    private func receiveClose(_ code: WebSocketCloseCode?) throws {
        if state == .open { try sendClose(code) }
        state = .closed
    }

    private func sendClose(_ code: WebSocketCloseCode?) throws {
        let payload = code.map { [UInt8($0.rawValue >> 8), UInt8($0.rawValue & 0xFF)] } ?? []
        try outgoing.enqueue(frame(.close, payload))
    }

    /// Does the closing handshake as far as it has not been done, and sends what is kept. On the loop.
    func finish(_ code: WebSocketCloseCode) async {
        beginClosing(code)
        // Whatever goes wrong with a connection that ends anyway changes nothing.
        do {
            while try await nextMessage() != nil {}
            try await outgoing.flush()
        } catch {}
    }

}

private enum ReaderInterruption: Error {
    /// The state has changed under a waiting reader.
    case lookAgain
}
