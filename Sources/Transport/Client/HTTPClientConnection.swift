/// A client's connection: one exchange after the other. For the loop's thread only.
final class HTTPClientConnection: @unchecked Sendable {
    // Safety of @unchecked: everything is touched on the loop's thread only.

    enum Body {
        case fixed(remaining: Int)
        case chunked(ChunkedDecoder)
        case untilClose
        case atEnd
    }

    let socket: StreamSocket
    private let configuration: HTTPClientConfiguration
    private(set) var input = InputBuffer()
    private(set) var head = HTTPResponseHead()
    var remainder = Body.atEnd
    private(set) var serial = 0
    var isBroken = false
    /// Whether nothing of an answer to the current request has come.
    private(set) var hasHeardNothing = true
    /// When its last exchange ended.
    var lastUse: ContinuousClock.Instant
    private var deadline: ContinuousClock.Instant?

    init(_ socket: StreamSocket, _ configuration: HTTPClientConfiguration) {
        self.socket = socket
        self.configuration = configuration
        lastUse = socket.loop.now
    }

    /// Whether another request can be sent.
    var isUsable: Bool {
        guard case .atEnd = remainder else { return false }
        return socket.isOpen && !socket.peerHasClosed && !isBroken && head.keepsAlive && input.isEmpty
    }

    /// The body of the current answer.
    var body: HTTPClientBody { HTTPClientBody(connection: self, serial: serial) }

    func close() {
        socket.close()
    }

    /// What has arrived behind the answer's head: the connection is no longer HTTP's.
    func takeInput() -> [UInt8] {
        input.take(input.count)
    }

    /// Sends a request and reads the head of its answer. When it throws, the connection is closed.
    func send(_ request: HTTPClientRequest, host: String) async throws {
        serial += 1
        hasHeardNothing = true
        deadline = request.deadline
        do {
            try await closingOnCancellation {
                try await self.sendAll(Self.encodeHead(request, host: host), request.body)
                if let upload = request.upload {
                    try await self.readHead(during: upload)
                } else {
                    try await self.readFinalHead()
                }
            }
        } catch {
            close()
            throw error
        }
        beginBody(of: request)
    }

    private static func encodeHead(_ request: HTTPClientRequest, host: String) -> [UInt8] {
        var head = Array("\(request.method) \(request.target) HTTP/1.1\r\n".utf8)
        head.append(HTTPField("Host", host))
        for field in request.headers { head.append(field) }
        if let upload = request.upload {
            if let length = upload.length {
                head.append("Content-Length: ")
                head.append(decimal: length)
                head.append("\r\n")
            } else {
                head.append("Transfer-Encoding: chunked\r\n")
            }
        } else if !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
            head.append("Content-Length: ")
            head.append(decimal: request.body.count)
            head.append("\r\n")
        }
        head.append("\r\n")
        return head
    }

    /// Sends bytes as the current request's time limit allows.
    func sendAll(_ first: [UInt8], _ second: [UInt8] = []) async throws {
        try await socket.sendAll(first, second, patience: configuration.idleTimeout, until: deadline)
    }

    /// Sends a part of a file.
    func send(_ file: OpenFile, _ range: Range<Int64>) async throws {
        try await socket.send(file, range, patience: configuration.idleTimeout)
    }

    /// Reads the head of the answer, what is only said on the way to it left out.
    private func readFinalHead() async throws {
        repeat { try await readHead() } while (100..<200).contains(head.status.rawValue) && head.status != 101
    }

    /// Sends a body while it waits for the answer, which may come before the body's end: then nobody wants the rest.
    private func readHead(during upload: HTTPUpload) async throws {
        let writer = HTTPUploadWriter(self, upload.length)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: socket.loop) {
                do {
                    try await upload.produce(writer)
                    try await writer.finish()
                } catch {
                    // The server takes no more: its answer says why, or its silence does.
                    if writer.hasFailed { return }
                    // Half a body must not be taken for a whole one.
                    self.socket.close()
                    throw error
                }
            }
            do {
                try await readFinalHead()
            } catch ConnectionError.closed {
                // Why the body could not be written says more than that the connection is closed.
                try await group.waitForAll()
                throw ConnectionError.closed
            }
            if !writer.isComplete {
                isBroken = true
                writer.giveUp()
                group.cancelAll()
            }
        }
    }

    private func readHead() async throws {
        var scanner = HTTPHeadScanner()
        let limits = configuration.head
        while true {
            let length = try input.withSpan { span throws(HTTPError) in
                guard let length = try scanner.scan(span, limits) else { return 0 }
                try head.parse(span.extracting(..<length), limits)
                return length
            }
            input.drop(length)
            if length > 0 { return }
            guard try await fill() else { throw ConnectionError.closed }
        }
    }

    private func beginBody(of request: HTTPClientRequest) {
        if request.method == "HEAD" || !head.status.allowsBody {
            remainder = .atEnd
        } else if head.framing.isChunked {
            remainder = .chunked(ChunkedDecoder())
        } else if let length = head.framing.length {
            remainder = length == 0 ? .atEnd : .fixed(remaining: length)
        } else {
            remainder = .untilClose
        }
    }

    /// The next bytes of the body of answer `serial`; `nil` at the end.
    func nextChunk(_ serial: Int) async throws -> [UInt8]? {
        guard serial == self.serial else { throw ConnectionError.closed }
        do {
            while true {
                guard let piece = try takePiece() else { return nil }
                if !piece.isEmpty { return piece }
                guard try await closingOnCancellation({ try await self.fill() }) else {
                    guard case .untilClose = remainder else { throw ConnectionError.closed }
                    remainder = .atEnd
                    isBroken = true
                    return nil
                }
            }
        } catch {
            isBroken = true
            throw error
        }
    }

    private func takePiece() throws(HTTPError) -> [UInt8]? {
        switch remainder {
        case .atEnd:
            return nil
        case .untilClose:
            return input.take(input.count)
        case .fixed(let remaining):
            let count = min(remaining, input.count)
            remainder = count == remaining ? .atEnd : .fixed(remaining: remaining - count)
            return input.take(count)
        case .chunked(var decoder):
            var piece: [UInt8] = []
            let hasEnded = try decoder.append(from: &input, to: &piece, limit: .max, of: .max)
            remainder = hasEnded ? .atEnd : .chunked(decoder)
            return hasEnded && piece.isEmpty ? nil : piece
        }
    }

    /// - Returns: Whether something came; `false` at the end.
    private func fill() async throws -> Bool {
        while true {
            if let count = try socket.receive(appendingTo: &input, by: socket.loop.scratch) {
                if count > 0 { hasHeardNothing = false }
                return count > 0
            }
            try await waitForMore()
        }
    }

    /// Waits until more has arrived, for as long as the server may take.
    func waitForMore() async throws {
        try await socket.waitUntilReadable(until: deadline ?? socket.loop.now + configuration.idleTimeout)
    }

    /// An exchange that is given up leaves a connection of which nobody knows what comes next.
    func closingOnCancellation<Value: Sendable>(
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        do {
            return try await withTaskCancellationHandler {
                try await body()
            } onCancel: {
                socket.loop.execute { self.socket.close() }
            }
        } catch ConnectionError.closed where Task.isCancelled {
            throw CancellationError()
        }
    }
}
