extension HTTPRequestBody {
    /// Writes the whole body to a file as it arrives, with flat memory.
    ///
    /// - Parameters:
    ///   - file: Opened for writing; a regular file.
    ///   - offset: Where the first byte goes.
    ///   - limit: How many bytes the caller can use.
    /// - Returns: How many bytes there were.
    /// - Throws: As reading; ``HTTPError`` with 413 beyond `limit`; ``SystemCallError`` of `pwrite`, such as `ENOSPC`.
    @discardableResult
    package func write(to file: OpenFile, at offset: Int64 = 0, upTo limit: Int64 = .max) async throws -> Int64 {
        try await connection.loop.hop { [self] in
            try await connection.writeBody(of: serial, to: file, at: offset, upTo: limit)
        }
    }

    /// Hands the whole body to a parser that may wait for the disk, in large portions and with flat memory.
    ///
    /// - Parameter take: Gets what has arrived and not been used, on a thread of its own; returns how many bytes it has used.
    ///   Gets what is left, perhaps nothing, and `true` when the body has ended.
    /// - Throws: As reading; what `take` throws; ``HTTPError`` with 400 for what it cannot use although there is a lot of it.
    package func consume(_ take: @escaping @Sendable (UnsafeRawBufferPointer, Bool) throws -> Int) async throws {
        let buffer = TransferBuffer()
        try await connection.loop.hop { [self] in
            var hasEnded = false
            while !hasEnded {
                let before = buffer.count
                guard !buffer.isFull else { throw HTTPError(.badRequest, "The body makes no sense.") }
                hasEnded = try await !connection.fill(buffer, from: serial) || buffer.count == before
                let isLast = hasEnded
                let used = try await BlockingPool.transfers.run { try take(buffer.bytes, isLast) }
                buffer.drop(Swift.min(used, buffer.count))
            }
        }
    }
}

extension HTTPConnection {
    /// Writes the body of request `serial` to a file: what is to come of a length that the client has said, the kernel moves.
    ///
    /// - Returns: How many bytes there were.
    func writeBody(of serial: Int, to file: OpenFile, at offset: Int64, upTo limit: Int64) async throws -> Int64 {
        let buffer = TransferBuffer()
        var written: Int64 = 0
        while true {
            let remaining = try checkedRemaining(serial)
            guard written + Int64(remaining ?? 0) <= limit else { throw HTTPBodyState.tooLarge(Int(limit)) }
            if remaining == 0 { return written }
            if let remaining, input.isEmpty, !body.awaitsContinue {
                try await moveBody(of: serial, remaining, to: file, at: offset + written)
                return written + Int64(remaining)
            }
            if remaining == nil {
                guard try await fill(buffer, from: serial) else { return written }
            } else if let piece = try await nextBodyChunk(serial, upTo: TransferBuffer.size) {
                _ = buffer.append(piece[...])
            }
            guard written + Int64(buffer.count) <= limit else { throw HTTPBodyState.tooLarge(Int(limit)) }
            try await buffer.write(0..<buffer.count, to: file, at: offset + written)
            written += Int64(buffer.count)
            buffer.drop(buffer.count)
        }
    }

    private func moveBody(of serial: Int, _ count: Int, to file: OpenFile, at offset: Int64) async throws {
        body.isMoving = true
        defer { body.isMoving = false }
        try await socket.receive(count, into: file, at: offset) { taken in
            if serial == body.serial { body.take(taken) }
        } wait: {
            try await waitForBody()
            // The answer may have been given meanwhile, by another task.
            _ = try checkedRemaining(serial)
        }
    }

    /// Fills a buffer with what comes next of the body of request `serial`: to the brim, unless the body ends.
    ///
    /// - Returns: Whether there is anything in it.
    func fill(_ buffer: TransferBuffer, from serial: Int) async throws -> Bool {
        buffer.compact()
        while !buffer.isFull, try await readBody(of: serial, into: buffer) {}
        return buffer.count > 0
    }

    /// - Returns: Whether the body may have more, and the buffer room for it.
    private func readBody(of serial: Int, into buffer: TransferBuffer) async throws -> Bool {
        guard let remaining = try checkedRemaining(serial), input.isEmpty, !body.awaitsContinue else {
            // What has arrived with the head, and chunks, take the long way. Chunks come as large as what has arrived.
            if body.remaining == nil, buffer.room.count < input.count + loop.scratch.count { return false }
            guard let piece = try await nextBodyChunk(serial, upTo: buffer.room.count) else { return false }
            _ = buffer.append(piece[...])
            return true
        }
        if remaining == 0 { return false }
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer.room.prefix(remaining))
        while true {
            if let count = try socket.receive(into: room) {
                guard count > 0 else { throw ConnectionError.closed }
                body.take(count)
                buffer.didFill(count)
                return true
            }
            try await waitForBody()
            // The answer may have been given meanwhile, by another task.
            _ = try checkedRemaining(serial)
        }
    }
}
