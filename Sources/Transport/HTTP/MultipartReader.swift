/// Reads the parts of a `multipart/form-data` request one after the other, with flat memory. For the request's handler.
///
///     let form = try MultipartReader(request)
///     while let part = try await form.nextPart() {
///         if part.fileName != nil { try await form.write(to: file) } else { … try await form.collect(upTo: 4096) }
///     }
package final class MultipartReader: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the connection's loop only, where every method hops to.

    private let connection: HTTPConnection
    private let serial: Int
    private let buffer = TransferBuffer()
    private var parser: MultipartParser
    /// Whether the current part has bytes that nobody has read.
    private var isInPart = false

    /// - Throws: ``HTTPError``: 415 when the request's body is of another type, 400 without a boundary.
    package init(_ request: HTTPRequest) throws(HTTPError) {
        connection = request.connection
        serial = request.body.serial
        parser = try MultipartParser(contentType: request.headers["content-type"])
    }

    /// Goes to the next part; what has not been read of the one before is dropped.
    ///
    /// - Returns: What stands in front of it; `nil` at the end of the form.
    /// - Throws: ``HTTPError`` with 400 for what is not multipart, a body that ends early included; as reading the body.
    package func nextPart() async throws -> MultipartPart? {
        try await connection.loop.hop { [self] in
            while true {
                switch try await nextEvent() {
                case .part(let part):
                    isInPart = true
                    return part
                case .data(let range): buffer.drop(range.count)
                case .endOfPart, .needsMore: isInPart = false
                case .end: return nil
                }
            }
        }
    }

    /// The rest of the current part.
    ///
    /// - Parameter limit: How many bytes the caller can use.
    /// - Returns: Its bytes.
    /// - Throws: As ``nextPart()``; ``HTTPError`` with 413 beyond `limit`.
    package func collect(upTo limit: Int) async throws -> [UInt8] {
        try await connection.loop.hop { [self] in
            var bytes: [UInt8] = []
            try await readPart { range in
                guard bytes.count + range.count <= limit else { throw HTTPBodyState.tooLarge(limit) }
                bytes += buffer.bytes[range]
            }
            return bytes
        }
    }

    /// Writes the rest of the current part to a file.
    ///
    /// - Parameters:
    ///   - file: Opened for writing; a regular file.
    ///   - offset: Where the first byte goes.
    /// - Returns: How many bytes there were.
    /// - Throws: As ``nextPart()``; ``SystemCallError`` of `pwrite`, such as `ENOSPC`.
    @discardableResult
    package func write(to file: OpenFile, at offset: Int64 = 0) async throws -> Int64 {
        try await connection.loop.hop { [self] in
            var written: Int64 = 0
            try await readPart { range in
                try await buffer.write(range, to: file, at: offset + written)
                written += Int64(range.count)
            }
            return written
        }
    }

    private func readPart(_ take: (Range<Int>) async throws -> Void) async throws {
        while isInPart {
            switch try await nextEvent() {
            case .data(let range):
                try await take(range)
                buffer.drop(range.count)
            case .endOfPart, .end, .part, .needsMore:
                isInPart = false
            }
        }
    }

    /// What comes next; ranges begin at the buffer's first byte, and their bytes stay until they are dropped.
    private func nextEvent() async throws -> MultipartParser.Event {
        while true {
            var position = 0
            let event = try parser.next(buffer.bytes, from: &position)
            switch event {
            case .data(let range):
                // Only after what precedes it; data begins where the last event ended.
                buffer.drop(range.lowerBound)
                return .data(0..<range.count)
            case .needsMore:
                buffer.drop(position)
                let before = buffer.count
                guard !buffer.isFull, try await connection.fill(buffer, from: serial), buffer.count > before else {
                    throw HTTPError(.badRequest, "The multipart body ends before its last boundary.")
                }
            case .part, .endOfPart, .end:
                buffer.drop(position)
                return event
            }
        }
    }
}
