/// Writes a streamed answer's body. For one task at a time.
package final class HTTPBodyWriter: @unchecked Sendable {
    // Safety of @unchecked: `isFinished` is touched on the connection's loop only.

    private let connection: HTTPConnection
    private let framing: HTTPResponseEncoder.Framing
    private var written = 0
    /// A task that the handler has left behind must not write into the next answer.
    private var isFinished = false

    init(_ connection: HTTPConnection, _ framing: HTTPResponseEncoder.Framing) {
        self.connection = connection
        self.framing = framing
    }

    /// Sends `bytes` now, and returns when the kernel has taken them: a client that does not read holds the writer back.
    ///
    /// - Throws: ``ConnectionError`` when the client has gone or takes nothing for longer than the server's write timeout;
    ///   ``ConnectionError/closed`` for more bytes than the answer has announced.
    package func write(_ bytes: [UInt8]) async throws {
        // An empty chunk would end the body.
        if bytes.isEmpty { return }
        try await connection.loop.hop { [self] in
            if isFinished { throw ConnectionError.closed }
            written += bytes.count
            switch framing {
            case .chunked:
                var head: [UInt8] = []
                head.append(hexadecimal: bytes.count)
                head.append("\r\n")
                // Copying a large piece costs more than another call.
                guard bytes.count > Self.copiedPieceBytes else {
                    return try await connection.sendAll(head, bytes + [0x0D, 0x0A])
                }
                try await connection.sendAll(head, bytes)
                try await connection.sendAll([0x0D, 0x0A])
            case .length(let count) where written > count: throw Self.wrongLength
            case .length, .untilClose, .none: try await connection.sendAll(bytes)
            }
        }
    }

    func finish() async throws {
        isFinished = true
        switch framing {
        case .chunked: try await connection.sendAll(Array("0\r\n\r\n".utf8))
        // The client must not take a part for the whole.
        case .length(let count) where written != count: throw Self.wrongLength
        case .length, .untilClose, .none: break
        }
    }

    private static let copiedPieceBytes = 32 * 1024
    private static let wrongLength = ConnectionError.closed
}
