extension HTTPConnection {
    /// The next bytes of the body of request `serial`; `nil` at the end.
    func nextBodyChunk(_ serial: Int, upTo limit: Int = .max) async throws -> [UInt8]? {
        while true {
            try checkReader(serial)
            guard let piece = try decoded(upTo: limit) else { return nil }
            if !piece.isEmpty { return piece }
            try await fillForBody()
        }
    }

    /// The whole body if it has arrived, with no need to wait.
    func takeArrivedBody(_ serial: Int, _ limit: Int) throws -> [UInt8]? {
        try checkReader(serial)
        guard let remaining = body.remaining, remaining <= input.count else { return nil }
        guard remaining <= limit else { throw HTTPBodyState.tooLarge(limit) }
        body.take(remaining)
        return input.take(remaining)
    }

    func collectBody(_ serial: Int, _ limit: Int) async throws -> [UInt8] {
        if let body = try takeArrivedBody(serial, limit) { return body }
        if let remaining = body.remaining, remaining > limit { throw HTTPBodyState.tooLarge(limit) }
        var collected: [UInt8] = []
        while let piece = try await nextBodyChunk(serial) {
            guard collected.count + piece.count <= limit else { throw HTTPBodyState.tooLarge(limit) }
            // What the client has announced is not reserved at once: announcing costs it nothing.
            collected.append(contentsOf: piece)
        }
        return collected
    }

    /// Drops what the handler has not read.
    ///
    /// - Returns: Whether the next request can be read.
    func drainBody() async throws -> Bool {
        var dropped = 0
        while let piece = try decoded() {
            dropped += piece.count
            if dropped > shard.configuration.maximumDrainedBytes { return false }
            if piece.isEmpty { try await fillForBody() }
        }
        return true
    }

    private func checkReader(_ serial: Int) throws {
        guard serial == body.serial else {
            throw HTTPError(.internalServerError, "A body can be read only until its request is answered.")
        }
        if let failure = body.failure { throw failure }
    }

    /// How many bytes are to come, where the client has said so; for the reader of request `serial` only.
    func checkedRemaining(_ serial: Int) throws -> Int? {
        try checkReader(serial)
        return body.remaining
    }

    private func decoded(upTo limit: Int = .max) throws(HTTPError) -> [UInt8]? {
        do {
            return try body.next(from: &input, upTo: limit)
        } catch {
            body.failure = error
            throw error
        }
    }

    /// Waits for more of the body.
    private func fillForBody() async throws {
        if body.awaitsContinue {
            body.didContinue()
            try await sendAll(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        while true {
            if let count = try socket.receive(appendingTo: &input, by: loop.scratch) {
                if count > 0 { return }
                throw ConnectionError.closed
            }
            try await waitForBody()
        }
    }

    /// Waits until more of the body has arrived, for as long as the client may take.
    func waitForBody() async throws {
        let start = loop.now
        do {
            try await socket.waitUntilReadable(until: start + body.patience(shard.configuration))
            body.waited += start.duration(to: loop.now)
        } catch ConnectionError.timedOut {
            let failure = HTTPError(408, "The request's body took too long.")
            body.failure = failure
            throw failure
        }
    }
}
