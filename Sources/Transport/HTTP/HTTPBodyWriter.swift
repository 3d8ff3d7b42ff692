/// Writes a streamed answer's body. For one task at a time.
package final class HTTPBodyWriter: @unchecked Sendable {
    // Safety of @unchecked: `isFinished` is touched on the connection's loop only.

    private let connection: HTTPConnection
    private let isChunked: Bool
    /// A task that the handler has left behind must not write into the next answer.
    private var isFinished = false

    init(_ connection: HTTPConnection, isChunked: Bool) {
        self.connection = connection
        self.isChunked = isChunked
    }

    /// Sends `bytes` now, and returns when the kernel has taken them: a client that does not read holds the writer back.
    ///
    /// - Throws: ``ConnectionError`` when the client has gone or takes nothing for longer than the server's write timeout.
    package func write(_ bytes: [UInt8]) async throws {
        // An empty chunk would end the body.
        if bytes.isEmpty { return }
        try await connection.loop.hop { [self] in
            if isFinished { throw ConnectionError.closed }
            guard isChunked else { return try await connection.sendAll(bytes) }
            var head: [UInt8] = []
            head.append(hexadecimal: bytes.count)
            head.append("\r\n")
            try await connection.sendAll(head, bytes + [0x0D, 0x0A])
        }
    }

    func finish() async throws {
        isFinished = true
        if isChunked { try await connection.sendAll(Array("0\r\n\r\n".utf8)) }
    }
}
