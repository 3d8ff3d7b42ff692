/// What an HTTP client puts up with.
package struct HTTPClientConfiguration: Sendable {
    /// Limits of an answer's head.
    package var head = HTTPHeadLimits()
    /// How long connecting may take.
    package var connectTimeout: Duration = .seconds(10)
    /// How long the server may send nothing, or take nothing.
    package var idleTimeout: Duration = .seconds(300)
    /// Unused connections that are kept.
    package var maximumIdleConnections = 8
    /// How long an unused connection is good for. Shorter than servers keep theirs, a request never meets a connection
    /// that is being closed.
    package var maximumIdleTime: Duration = .seconds(30)

    package init() {}
}

/// A request to be sent.
package struct HTTPClientRequest: Sendable {
    package var method: String
    /// Path and query, percent-encoded.
    package var target: String
    /// Header lines besides `Host` and `Content-Length`.
    package var headers: [HTTPField]
    package var body: [UInt8]
    /// A body that is written while it is sent, in place of ``body``.
    package var upload: HTTPUpload?
    /// When the answer must have come, its body included; counts instead of the client's idle limit.
    package var deadline: ContinuousClock.Instant?

    package init(_ method: String = "GET", _ target: String, headers: [HTTPField] = [], body: [UInt8] = []) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    /// Whether sending it twice does what sending it once does.
    var isIdempotent: Bool {
        // What has been written of an upload cannot be had again.
        upload == nil && ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].contains(method)
    }
}

/// A request's body that is written while it is sent.
package struct HTTPUpload: Sendable {
    /// Its length in bytes; `nil` sends chunks.
    package let length: Int?
    let produce: @Sendable (HTTPUploadWriter) async throws -> Void

    /// - Parameters:
    ///   - length: How many bytes `produce` writes, where that is known.
    ///   - produce: Writes the body, on the client's loop. When it throws, the connection is closed. It is cancelled when the
    ///     server has answered without waiting for the end.
    package init(length: Int?, produce: @escaping @Sendable (HTTPUploadWriter) async throws -> Void) {
        self.length = length
        self.produce = produce
    }
}

/// A whole answer.
package struct HTTPClientResponse: Sendable {
    package let status: HTTPStatus
    package let headers: HTTPHeaders
    package let body: [UInt8]
}

/// A small HTTP/1.1 client of one server, over TCP or a Unix socket, which keeps its connections. Callable from every
/// thread; several requests at once take a connection each.
package final class HTTPClient: @unchecked Sendable {
    // Safety of @unchecked: `idle` is touched on the loop's thread only, where every method hops to.

    package let loop: EventLoop
    private let connect: @Sendable (EventLoop) async throws -> StreamSocket
    private let host: String
    private let configuration: HTTPClientConfiguration
    private var idle: [HTTPClientConnection] = []

    /// - Parameters:
    ///   - address: Where the server listens.
    ///   - host: What the `Host` header says; the address by default.
    ///   - loop: The loop that carries the connections.
    ///   - configuration: Limits.
    package convenience init(
        _ address: SocketAddress, host: String? = nil, on loop: EventLoop,
        configuration: HTTPClientConfiguration = HTTPClientConfiguration()
    ) {
        self.init(
            host: host ?? (address.port == nil ? "localhost" : "\(address)"), on: loop, configuration: configuration
        ) { loop in
            try await StreamSocket.connect(to: address, on: loop, within: configuration.connectTimeout)
        }
    }

    /// - Parameters:
    ///   - host: What the `Host` header says.
    ///   - loop: The loop that carries the connections.
    ///   - configuration: Limits.
    ///   - connect: Makes a connection, on the loop.
    package init(
        host: String, on loop: EventLoop, configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
        connect: @escaping @Sendable (EventLoop) async throws -> StreamSocket
    ) {
        self.connect = connect
        self.host = host
        self.loop = loop
        self.configuration = configuration
    }

    deinit {
        let idle = idle
        loop.execute { for connection in idle { connection.close() } }
    }

    // MARK: Unused connections

    private func takeIdle() -> HTTPClientConnection? {
        while let connection = idle.popLast() {
            connection.socket.onPeerClosed = nil
            // The server may have closed it meanwhile, which a request finds out only by sending.
            if connection.isUsable, connection.lastUse + configuration.maximumIdleTime > loop.now { return connection }
            connection.close()
        }
        return nil
    }

    func keep(_ connection: HTTPClientConnection) {
        guard connection.isUsable, idle.count < configuration.maximumIdleConnections else { return connection.close() }
        connection.lastUse = loop.now
        // A server that hangs up must not leave a dead descriptor here until the next request.
        connection.socket.onPeerClosed = { [weak self, weak connection] in
            self?.idle.removeAll { $0 === connection }
            connection?.close()
        }
        idle.append(connection)
    }

    /// Sends a request and reads the whole answer.
    ///
    /// - Parameters:
    ///   - request: What to send.
    ///   - limit: Bytes of the body that the caller can use.
    /// - Returns: The answer, whatever its status.
    /// - Throws: ``ConnectionError`` when the server cannot be reached or breaks off; ``HTTPError`` when its answer is
    ///   malformed or longer than `limit`; `CancellationError`.
    package func send(_ request: HTTPClientRequest, limit: Int = 64 * 1024 * 1024) async throws -> HTTPClientResponse {
        try await exchange(request) { status, headers, chunks in
            var body: [UInt8] = []
            for try await chunk in chunks {
                guard body.count + chunk.count <= limit else { throw HTTPBodyState.tooLarge(limit) }
                if body.isEmpty { body = chunk } else { body += chunk }
            }
            return HTTPClientResponse(status: status, headers: headers, body: body)
        }
    }

    /// Sends a request and lets `consume` read the answer as it comes, on the client's loop. What it does not read is
    /// thrown away with the connection.
    ///
    /// - Parameters:
    ///   - request: What to send.
    ///   - consume: Gets the status, the header lines and the body, which can be read until it returns.
    /// - Returns: What `consume` returns.
    /// - Throws: As ``send(_:limit:)``, and what `consume` throws.
    package func exchange<Value: Sendable>(
        _ request: HTTPClientRequest,
        _ consume: @escaping @Sendable (HTTPStatus, HTTPHeaders, HTTPClientBody) async throws -> Value
    ) async throws -> Value {
        try await loop.hop {
            let connection = try await self.sending(request)
            defer { self.keep(connection) }
            return try await consume(connection.head.status, connection.head.headers, connection.body)
        }
    }

    /// Sends a request over an unused connection or a new one, and reads the head of its answer. Call it on the loop.
    func sending(_ request: HTTPClientRequest) async throws -> HTTPClientConnection {
        try Task.checkCancellation()
        while let connection = takeIdle() {
            do {
                try await connection.send(request, host: host)
            } catch is ConnectionError where request.isIdempotent && connection.hasHeardNothing && !Task.isCancelled {
                continue
            }
            return connection
        }
        let connection = HTTPClientConnection(try await connect(loop), configuration)
        try await connection.send(request, host: host)
        return connection
    }
}
