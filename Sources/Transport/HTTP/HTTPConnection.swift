/// One client's connection to an ``HTTPServer``.
package final class HTTPConnection: @unchecked Sendable {
    // Safety of @unchecked: every variable is touched on the loop's thread only,
    // where the connection's task and the socket's events run, and where everything else hops to.

    /// Where the connection is between two requests, or within one.
    enum Phase {
        /// Between requests; nothing of the next has arrived.
        case idle
        /// A head is arriving.
        case reading
        /// A handler runs, or its answer is being sent.
        case handling
        case webSocket(WebSocket)
        /// The connection speaks something that this server does not read.
        case raw
    }

    /// The client's address.
    package let peer: SocketAddress
    /// The loop that carries the connection, where its handlers run.
    package let loop: EventLoop
    let shard: HTTPServerShard
    let socket: StreamSocket
    var phase = Phase.idle
    var input = InputBuffer()
    var head = HTTPRequestHead()
    var body = HTTPBodyState()
    private var output: [UInt8] = []
    var task: Task<Void, Never>?
    private var requests = 0
    private let closing = CloseCallbacks()

    init(_ socket: StreamSocket, peer: SocketAddress, shard: HTTPServerShard) {
        self.socket = socket
        self.peer = peer
        self.shard = shard
        loop = socket.loop
    }

    // MARK: Leases

    /// Calls `body` once, when the connection has ended in whatever way; at once if it has. Callable from every thread;
    /// `body` runs on the connection's loop, or on the caller's thread if it is late.
    @discardableResult
    package func onClose(_ body: @escaping @Sendable () -> Void) -> CloseToken {
        closing.add(body)
    }

    /// Forgets a callback of ``onClose(_:)``. Does nothing once it has run.
    package func removeOnClose(_ token: CloseToken) {
        closing.remove(token)
    }

    // MARK: Its life

    /// Serves requests until the connection ends.
    func run() async {
        socket.onPeerClosed = { [unowned self] in
            if case .handling = phase { task?.cancel() }
        }
        do {
            while try await readHead(), try await serve() {}
        } catch let error as HTTPError {
            await refuse(error)
        } catch {
            // The client has gone, or was cut off: there is nobody to tell.
        }
        end()
    }

    private func end() {
        socket.close()
        task = nil
        closing.run()
        shard.remove(self)
    }

    /// Ends the connection as soon as nothing is in flight.
    func windDown() {
        switch phase {
        case .idle: socket.close()
        case .reading, .handling: break
        case .raw: socket.close()
        case .webSocket(let webSocket): webSocket.goAway()
        }
    }

    /// Ends the connection now.
    func abort() {
        task?.cancel()
        socket.close()
    }

    // MARK: One request

    /// Reads the next request's head.
    ///
    /// - Returns: Whether there is one: `false` when the client has nothing more to say, or the server is closing.
    private func readHead() async throws -> Bool {
        let configuration = shard.configuration
        var scanner = HTTPHeadScanner()
        var deadline = loop.now + (requests == 0 ? configuration.headTimeout : configuration.idleTimeout)
        phase = .idle
        while true {
            skipEmptyLine()
            if !input.isEmpty, input.first != 0x0D || input.count > 1 {
                if case .idle = phase {
                    phase = .reading
                    deadline = loop.now + configuration.headTimeout
                }
                if try parseHead(&scanner) {
                    requests += 1
                    return true
                }
            } else if shard.isClosing {
                return false
            }
            do {
                guard let count = try socket.receive(appendingTo: &input, by: loop.scratch) else {
                    try await socket.waitUntilReadable(until: deadline)
                    continue
                }
                if count == 0 { return false }
            } catch ConnectionError.timedOut {
                if case .idle = phase { return false }
                throw HTTPError(408, "The request's head took too long.")
            }
        }
    }

    private func parseHead(_ scanner: inout HTTPHeadScanner) throws(HTTPError) -> Bool {
        let limits = shard.configuration.head
        let length = try input.withSpan { span throws(HTTPError) in
            guard let length = try scanner.scan(span, limits) else { return 0 }
            try head.parse(span.extracting(..<length), limits)
            return length
        }
        input.drop(length)
        return length > 0
    }

    /// Old clients send an empty line after a body; RFC 9112 (2.2) asks to overlook it.
    private func skipEmptyLine() {
        guard input.first == 0x0D, input.count >= 2, input.bytes[input.start + 1] == 0x0A else { return }
        input.drop(2)
    }

    /// Answers the request whose head has just been read.
    ///
    /// - Returns: Whether the connection can be used again.
    private func serve() async throws -> Bool {
        let target = head.headers.bytes[head.target.indices]
        guard HTTPTarget.isPlain(target) || HTTPTarget.path(target) != nil else {
            throw HTTPError(.badRequest, "The request's path cannot be decoded.")
        }
        try body.begin(head, limit: shard.configuration.maximumBodyBytes)
        let minorVersion = head.minorVersion
        let isHead = head.headers.bytes[head.method.indices].elementsEqual("HEAD".utf8)
        var keepsAlive = head.keepsAlive && requests < shard.configuration.maximumRequestsPerConnection
        phase = .handling
        let response = await shard.handler(
            HTTPRequest(
                head: head,
                body: HTTPRequestBody(
                    connection: self, serial: body.serial, announcedBytes: body.announcedBytes), connection: self))
        if let failure = body.failure { throw failure }
        body.end()
        // A task that the handler has left behind may still wait for the body.
        socket.interruptReader(ConnectionError.closed)
        switch response.body {
        case .webSocket(let configuration, let body): return try await upgrade(response, configuration, body)
        case .raw(let body): return try await handOver(response, body)
        case .bytes, .stream, .sized, .file: break
        }
        keepsAlive = keepsAlive && !shard.isClosing && body.canBeDrained(shard.configuration.maximumDrainedBytes)
        if case .stream = response.body, minorVersion == 0 { keepsAlive = false }
        try await send(response, minorVersion: minorVersion, isHead: isHead, keepsAlive: keepsAlive)
        if keepsAlive { return try await drainBody() }
        if !body.isAtEnd { await linger() }
        return false
    }

    // MARK: Answers

    func send(_ response: HTTPResponse, minorVersion: Int, isHead: Bool, keepsAlive: Bool) async throws {
        output.removeAll(keepingCapacity: true)
        switch response.body {
        case .bytes(let bytes):
            let hasBody = response.status.allowsBody
            shard.encoder.append(
                response, framing: hasBody ? .length(bytes.count) : .none, minorVersion: minorVersion,
                keepsAlive: keepsAlive, to: &output)
            guard hasBody, !isHead, !bytes.isEmpty else { return try await sendAll(output) }
            if bytes.count > Self.copiedBodyBytes { return try await sendAll(output, bytes) }
            output.append(contentsOf: bytes)
            try await sendAll(output)
        case .stream(let produce):
            let isChunked = minorVersion == 1
            shard.encoder.append(
                response, framing: isChunked ? .chunked : .untilClose, minorVersion: minorVersion,
                keepsAlive: keepsAlive, to: &output)
            try await sendAll(output)
            if isHead { return }
            let writer = HTTPBodyWriter(self, isChunked ? .chunked : .untilClose)
            try await produce(writer)
            try await writer.finish()
        case .sized(let count, let produce):
            guard try await sendHead(response, of: count, minorVersion, isHead, keepsAlive) else { return }
            let writer = HTTPBodyWriter(self, .length(count))
            try await produce(writer)
            try await writer.finish()
        case .file(let file, let range):
            guard try await sendHead(response, of: range.count, minorVersion, isHead, keepsAlive) else { return }
            try await socket.send(file, range, patience: shard.configuration.writeTimeout)
        case .webSocket, .raw:
            preconditionFailure("an upgrade is not sent as an answer")
        }
    }

    /// - Returns: Whether a body is to follow.
    private func sendHead(
        _ response: HTTPResponse, of length: Int, _ minorVersion: Int, _ isHead: Bool, _ keepsAlive: Bool
    ) async throws -> Bool {
        let hasBody = response.status.allowsBody
        shard.encoder.append(
            response, framing: hasBody ? .length(length) : .none, minorVersion: minorVersion, keepsAlive: keepsAlive,
            to: &output)
        try await sendAll(output)
        return hasBody && !isHead
    }

    /// Sends a head as it is and leaves the connection to `body`.
    ///
    /// - Returns: `false`: the connection cannot be used again.
    private func handOver(
        _ response: HTTPResponse, _ body: @Sendable (StreamSocket, [UInt8]) async throws -> Void
    ) async throws -> Bool {
        output.removeAll(keepingCapacity: true)
        shard.encoder.appendStatusLine(response.status, to: &output)
        for field in response.headers { output.append(field) }
        output.append("\r\n")
        try await sendAll(output)
        phase = .raw
        // Nothing here notices that a silent client has vanished.
        socket.keepAlive()
        try await body(socket, input.take(input.count))
        return false
    }

    /// Up to here copying a body behind its head is cheaper than a second piece for the kernel to gather.
    private static let copiedBodyBytes = 8 * 1024

    func sendAll(_ first: [UInt8], _ second: [UInt8] = []) async throws {
        try await socket.sendAll(first, second, patience: shard.configuration.writeTimeout)
    }

    /// Says why a request was not taken, and ends the conversation.
    private func refuse(_ error: HTTPError) async {
        phase = .handling
        do {
            try await send(
                .text(error.status, error.message + "\n"), minorVersion: 1, isHead: false, keepsAlive: false)
            await linger()
        } catch {
            // The client did not wait for the answer.
        }
    }

    /// Closing a socket with unread bytes makes the kernel send a reset, which can overtake the answer and destroy it. So
    /// stop sending, and drop what still comes, for a while.
    func linger() async {
        socket.finishSending()
        let deadline = loop.now + .seconds(2)
        var dropped = 0
        do {
            while dropped < 4 * 1024 * 1024 {
                if let count = try socket.receive(into: loop.scratch) {
                    if count == 0 { return }
                    dropped += count
                } else {
                    try await socket.waitUntilReadable(until: deadline)
                }
            }
        } catch {
            // Long enough, or gone.
        }
    }
}
