/// Writes a request's body. For one task at a time.
package final class HTTPUploadWriter: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the connection's loop only.

    private let connection: HTTPClientConnection
    private let length: Int?
    private var written = 0
    private var isFinished = false
    /// Whether the server has been sent everything.
    var isComplete: Bool { isFinished || length == written }
    /// Whether the connection has failed, so that an error is its error.
    private(set) var hasFailed = false

    init(_ connection: HTTPClientConnection, _ length: Int?) {
        self.connection = connection
        self.length = length
    }

    /// Sends `bytes`, and returns when the kernel has taken them.
    ///
    /// - Throws: ``ConnectionError`` when the server has gone, takes nothing in time, or has answered already, and for more
    ///   bytes than were announced; `CancellationError`.
    package func write(_ bytes: [UInt8]) async throws {
        // An empty chunk would end the body.
        if bytes.isEmpty { return }
        try await connection.socket.loop.hop { [self] in
            try Task.checkCancellation()
            if hasFailed || isFinished { throw ConnectionError.closed }
            written += bytes.count
            if let length {
                guard written <= length else { throw ConnectionError.closed }
                try await send(bytes)
            } else {
                var head: [UInt8] = []
                head.append(hexadecimal: bytes.count)
                head.append("\r\n")
                try await send(head, bytes + [0x0D, 0x0A])
            }
        }
    }

    /// Sends a part of a file, which the kernel moves, and returns when it has done so. Only for a body whose length was
    /// announced.
    ///
    /// - Throws: As ``write(_:)-swift.method``; ``SystemCallError`` when the file cannot be read or has become shorter.
    package func write(_ file: OpenFile, _ range: Range<Int64>) async throws {
        try await connection.socket.loop.hop { [self] in
            try Task.checkCancellation()
            guard let length, !hasFailed, !isFinished, written + range.count <= length else {
                throw ConnectionError.closed
            }
            written += range.count
            do { try await connection.send(file, range) } catch let error as ConnectionError {
                hasFailed = true
                throw error
            }
        }
    }

    private func send(_ first: [UInt8], _ second: [UInt8] = []) async throws {
        do {
            try await connection.sendAll(first, second)
        } catch {
            hasFailed = true
            throw error
        }
    }

    func finish() async throws {
        if let length {
            guard written == length else { throw ConnectionError.closed }
        } else {
            try await send(Array("0\r\n\r\n".utf8))
        }
        isFinished = true
    }

    /// The answer is there: nothing more is written.
    func giveUp() {
        hasFailed = true
        connection.socket.interruptWriter(ConnectionError.closed)
    }
}
