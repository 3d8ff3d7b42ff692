/// The body of a request, as it arrives. Nothing is read ahead of the reader: a client that sends faster waits.
package struct HTTPRequestBody: AsyncSequence, Sendable {
    package typealias Element = [UInt8]

    let connection: HTTPConnection
    /// Which of the connection's requests it belongs to: a reader that comes too late is told so.
    let serial: Int
    /// The number of bytes that the client has announced; `nil` when it sends chunks.
    package let announcedBytes: Int?

    package struct AsyncIterator: AsyncIteratorProtocol {
        let body: HTTPRequestBody

        /// The next bytes; `nil` at the end.
        ///
        /// - Throws: ``HTTPError``: 400 for malformed chunks, 408 when the client is too slow, 413 beyond the server's
        ///   limit; ``ConnectionError`` when the client has gone.
        package mutating func next() async throws -> [UInt8]? {
            let body = body
            return try await body.connection.loop.hop { try await body.connection.nextBodyChunk(body.serial) }
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }

    /// The whole body. Does not suspend when it has already arrived.
    ///
    /// - Parameter limit: How many bytes the caller can use.
    /// - Returns: The body's bytes; none when there is no body.
    /// - Throws: As reading; ``HTTPError`` with 413 when the body is longer than `limit`.
    package func collect(upTo limit: Int) async throws -> [UInt8] {
        if connection.loop.isCurrent, let body = try connection.takeArrivedBody(serial, limit) { return body }
        return try await connection.loop.hop { try await connection.collectBody(serial, limit) }
    }
}
