/// Limits of newline-delimited connections.
package struct LineConfiguration: Sendable {
    /// Bytes of one line, without its end. Beyond it reading throws ``LineError/tooLong(limit:)``.
    package var maximumLineBytes = 16 * 1024 * 1024
    /// How long the other end may take nothing of what is sent to it. Then the connection is closed.
    package var writeTimeout: Duration = .seconds(30)
    /// How long connecting may take.
    package var connectTimeout: Duration = .seconds(10)
    /// Open connections of one server; who comes on top is closed at once.
    package var maximumConnections = 8_000

    package init() {}
}

/// Why a line cannot be taken or sent.
package enum LineError: Error, Equatable, Sendable {
    /// The other end sends a line of more than `limit` bytes. The connection is of no further use.
    case tooLong(limit: Int)
    /// The line to be sent contains a line feed, which would make it two.
    case containsNewline
}

/// A connection that carries lines: bytes up to a line feed, both ways. Callable from every thread.
package final class LineConnection: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only, where every method hops to.

    /// Where the other end is. The client of a Unix socket has an empty path.
    package let peer: SocketAddress
    package let loop: EventLoop
    private let configuration: LineConfiguration
    private let socket: StreamSocket
    private let outgoing: OutgoingStream
    private let closing = CloseCallbacks()
    private var input = InputBuffer()
    /// How many bytes at the front of `input` are known to hold no line feed.
    private var searched = 0
    private var isFinished = false

    init(_ socket: StreamSocket, peer: SocketAddress, _ configuration: LineConfiguration) {
        self.socket = socket
        self.peer = peer
        self.configuration = configuration
        loop = socket.loop
        outgoing = OutgoingStream(socket, patience: configuration.writeTimeout)
    }

    /// Connects to a server.
    ///
    /// - Parameters:
    ///   - address: Where it listens.
    ///   - loop: The loop that will carry the connection.
    ///   - configuration: Limits.
    /// - Returns: The open connection.
    /// - Throws: ``ConnectionError/failed(_:)`` when nobody listens there, ``ConnectionError/timedOut``.
    package static func connect(
        to address: SocketAddress, on loop: EventLoop, configuration: LineConfiguration = LineConfiguration()
    ) async throws -> LineConnection {
        try await loop.hop {
            let socket = try await StreamSocket.connect(to: address, on: loop, within: configuration.connectTimeout)
            return LineConnection(socket, peer: address, configuration)
        }
    }

    /// Takes over a connected stream socket, such as one end of a pair.
    ///
    /// - Parameters:
    ///   - descriptor: The socket, in non-blocking mode.
    ///   - loop: The loop that will carry the connection.
    ///   - configuration: Limits.
    /// - Returns: The open connection.
    /// - Throws: ``SystemCallError`` when it cannot be watched.
    package static func adopt(
        _ descriptor: consuming OwnedDescriptor, on loop: EventLoop,
        configuration: LineConfiguration = LineConfiguration()
    ) async throws -> LineConnection {
        let socket = StreamSocket(descriptor, on: loop)
        return try await loop.hop {
            try socket.watch()
            return LineConnection(socket, peer: .unix(path: ""), configuration)
        }
    }

    /// Letting go of a connection closes it.
    deinit {
        let (socket, closing) = (socket, closing)
        loop.execute {
            socket.close()
            closing.run()
        }
    }

    // MARK: Reading

    /// The lines that arrive, each without its line feed: for one reader. They end when the other end closes its side
    /// after a whole line, or the connection is told to finish.
    ///
    /// Reading throws ``LineError/tooLong(limit:)``, ``ConnectionError/closed`` when the other end goes in the middle of
    /// a line, ``ConnectionError/failed(_:)``, and `CancellationError` when the reading task is cancelled.
    package var lines: Lines { Lines(connection: self) }

    /// See ``LineConnection/lines``.
    package struct Lines: AsyncSequence, AsyncIteratorProtocol, Sendable {
        let connection: LineConnection

        package func makeAsyncIterator() -> Lines { self }

        package mutating func next() async throws -> [UInt8]? {
            let connection = connection
            return try await connection.loop.hop { try await connection.nextLine() }
        }
    }

    private func nextLine() async throws -> [UInt8]? {
        while true {
            if let line = try takeLine() { return line }
            if isFinished { return nil }
            if let count = try socket.receive(appendingTo: &input, by: loop.scratch) {
                guard count == 0 else { continue }
                guard input.isEmpty else { throw ConnectionError.closed }
                return nil
            }
            do {
                try await withTaskCancellationHandler {
                    try await socket.waitUntilReadable()
                } onCancel: {
                    loop.execute { self.socket.interruptReader(CancellationError()) }
                }
            } catch LineInterruption.finish {
                return nil
            }
        }
    }

    private func takeLine() throws -> [UInt8]? {
        let count = input.withSpan { span -> Int? in
            for index in searched..<span.count where span[index] == 0x0A { return index }
            return nil
        }
        guard let count else {
            searched = input.count
            guard searched <= configuration.maximumLineBytes else { throw tooLong }
            return nil
        }
        guard count <= configuration.maximumLineBytes else { throw tooLong }
        searched = 0
        let line = input.take(count)
        input.drop(1)
        return line
    }

    private var tooLong: LineError { .tooLong(limit: configuration.maximumLineBytes) }

    // MARK: Writing

    /// Sends `line` and a line feed, after what was sent before. Returns when the kernel has it, or little enough waits.
    ///
    /// - Throws: ``LineError/containsNewline``; ``ConnectionError`` when the connection has ended.
    package func send(_ line: [UInt8]) async throws {
        guard !line.contains(0x0A) else { throw LineError.containsNewline }
        if loop.isCurrent { return try await outgoing.send(line, Self.lineFeed) }
        try await loop.hop { try await self.outgoing.send(line, Self.lineFeed) }
    }

    private static let lineFeed: [UInt8] = [0x0A]

    // MARK: Ending

    /// Calls `body` once, when the connection has been closed at this end, which the end of its handler does too; at once
    /// if it has.
    @discardableResult
    package func onClose(_ body: @escaping @Sendable () -> Void) -> CloseToken {
        closing.add(body)
    }

    /// Forgets a callback of ``onClose(_:)``.
    package func removeOnClose(_ token: CloseToken) {
        closing.remove(token)
    }

    /// Closes the connection; whoever reads or writes gets ``ConnectionError/closed``.
    package func close() {
        loop.execute {
            self.socket.close()
            self.closing.run()
        }
    }

    /// Sends what is kept, then closes.
    func closeGently() async {
        // Who does not take the rest in time has left it.
        try? await loop.hop { try await self.outgoing.flush() }
        close()
    }

    /// Ends ``lines`` for the reader, as if the other end had said its last.
    func finish() {
        loop.execute {
            self.isFinished = true
            self.socket.interruptReader(LineInterruption.finish)
        }
    }
}

private enum LineInterruption: Error {
    case finish
}
