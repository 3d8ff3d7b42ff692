/// The body of an answer as it arrives, for one reader.
package struct HTTPClientBody: AsyncSequence, AsyncIteratorProtocol, Sendable {
    let connection: HTTPClientConnection
    let serial: Int

    package func makeAsyncIterator() -> HTTPClientBody { self }

    /// The next bytes; `nil` at the end.
    ///
    /// - Throws: ``ConnectionError`` when the server breaks off, ``HTTPError`` for malformed chunks, `CancellationError`.
    package mutating func next() async throws -> [UInt8]? {
        let (connection, serial) = (connection, serial)
        return try await connection.socket.loop.hop { try await connection.nextChunk(serial) }
    }

    /// Writes the body, or what is left of it, to a file.
    ///
    /// - Parameters:
    ///   - file: Opened for writing; a regular file.
    ///   - progress: Told from time to time how many bytes are written, on the client's loop.
    /// - Returns: How many bytes there were.
    /// - Throws: As ``next()``; ``SystemCallError`` of what writes, such as `ENOSPC`.
    @discardableResult
    package func write(to file: OpenFile, progress: @escaping @Sendable (Int64) -> Void = { _ in }) async throws
        -> Int64
    {
        let (connection, serial) = (connection, serial)
        return try await connection.socket.loop.hop {
            try await connection.writeBody(of: serial, to: file, progress)
        }
    }
}

extension HTTPClientConnection {
    /// What is told of at a time.
    private static let step = 16 << 20

    fileprivate func writeBody(
        of serial: Int, to file: OpenFile, _ progress: @Sendable (Int64) -> Void
    ) async throws -> Int64 {
        let buffer = TransferBuffer()
        var written: Int64 = 0
        while true {
            if serial == self.serial, case .fixed(let remaining) = remainder, input.isEmpty {
                let count = min(remaining, Self.step)
                try await move(count, to: file, at: written)
                remainder = count == remaining ? .atEnd : .fixed(remaining: remaining - count)
                written += Int64(count)
            } else {
                guard let piece = try await nextChunk(serial) else { return written }
                var rest = piece[...]
                while !rest.isEmpty {
                    rest = rest.dropFirst(buffer.append(rest))
                    try await buffer.write(0..<buffer.count, to: file, at: written)
                    written += Int64(buffer.count)
                    buffer.drop(buffer.count)
                }
            }
            progress(written)
        }
    }

    private func move(_ count: Int, to file: OpenFile, at offset: Int64) async throws {
        do {
            try await closingOnCancellation {
                try await self.socket.receive(count, into: file, at: offset) { _ in
                } wait: {
                    try await self.waitForMore()
                }
            }
        } catch {
            isBroken = true
            throw error
        }
    }
}
