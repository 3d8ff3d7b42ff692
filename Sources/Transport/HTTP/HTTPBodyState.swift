/// How far the body of a connection's current request has been read.
struct HTTPBodyState {
    private enum Framing {
        case fixed(remaining: Int)
        case chunked(ChunkedDecoder)
    }

    private var framing = Framing.fixed(remaining: 0)
    private var limit = 0
    private var received = 0
    private(set) var announcedBytes: Int?
    /// Whether the client still waits for `100 Continue`.
    private(set) var awaitsContinue = false
    /// Counts requests, so that a reader of an earlier one is told apart.
    private(set) var serial = 0
    /// What was wrong with the body: the connection cannot be used any more.
    var failure: HTTPError?
    /// Whether the kernel is moving it to a file, so that nobody knows how much of it has come.
    var isMoving = false
    /// How long the server has waited for the client.
    var waited = Duration.zero

    /// - Throws: ``HTTPError`` with 413 when the client announces more than `limit` bytes.
    mutating func begin(_ head: HTTPRequestHead, limit: Int) throws(HTTPError) {
        serial += 1
        self.limit = limit
        received = 0
        waited = .zero
        failure = nil
        framing =
            head.framing.isChunked ? .chunked(ChunkedDecoder()) : .fixed(remaining: head.framing.length ?? 0)
        announcedBytes = head.framing.isChunked ? nil : head.framing.length ?? 0
        awaitsContinue = head.expectsContinue && !isAtEnd
        guard announcedBytes ?? 0 <= limit else { throw Self.tooLarge(limit) }
    }

    /// No reader may come any more.
    mutating func end() {
        serial += 1
    }

    var isAtEnd: Bool {
        switch framing {
        case .fixed(let remaining): remaining == 0
        case .chunked(let decoder): decoder.hasEnded
        }
    }

    /// How many bytes are to come, where the client has said so.
    var remaining: Int? {
        if case .fixed(let remaining) = framing { remaining } else { nil }
    }

    func canBeDrained(_ limit: Int) -> Bool {
        if isAtEnd { return true }
        if isMoving { return false }
        // A client that was never told to continue may send the body or not: one cannot know what comes next.
        return !awaitsContinue && (remaining ?? 0) <= limit
    }

    mutating func didContinue() {
        awaitsContinue = false
    }

    /// Counts bytes that a fixed body has brought.
    mutating func take(_ count: Int) {
        guard case .fixed(let remaining) = framing else { return }
        framing = .fixed(remaining: remaining - count)
        received += count
    }

    /// Takes the next piece out of what has arrived, of a fixed body at most `most` bytes.
    ///
    /// - Returns: The piece; empty when more must arrive first; `nil` at the end.
    mutating func next(from input: inout InputBuffer, upTo most: Int = .max) throws(HTTPError) -> [UInt8]? {
        switch framing {
        case .fixed(let remaining):
            if remaining == 0 { return nil }
            let count = min(remaining, input.count, most)
            take(count)
            return input.take(count)
        case .chunked(var decoder):
            var piece: [UInt8] = []
            let hasEnded = try decoder.append(from: &input, to: &piece, limit: limit - received, of: limit)
            received += piece.count
            framing = .chunked(decoder)
            return hasEnded && piece.isEmpty ? nil : piece
        }
    }

    /// How long the server may wait in all for what has come so far and the next byte.
    func patience(_ configuration: HTTPServerConfiguration) -> Duration {
        let earned = Duration.milliseconds(received * 1000 / max(1, configuration.minimumBodyBytesPerSecond))
        return configuration.bodyTimeout + earned - waited
    }

    static func tooLarge(_ limit: Int) -> HTTPError {
        HTTPError(413, "The body is longer than \(limit) bytes.")
    }
}
