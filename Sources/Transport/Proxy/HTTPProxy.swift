// Passing on what a client sends to somebody else, and what comes back.
//
//   HTTPProxy.swift         one request and its answer, both as streams; upgrades as they are
//   HTTPProxy+Fields.swift  which header lines are passed on
//   Relay.swift             bytes both ways between two sockets
//   WebSocketRelay.swift    a WebSocket's binary messages as the bytes of a connection

/// Passes requests on over a connection that somebody else has made.
package enum HTTPProxy {
    /// What is changed on the way.
    package struct Options: Sendable {
        /// Path and query for the upstream; `nil` leaves the request's own.
        package var target: String?
        /// What the upstream is told as `Host`; `nil` passes on the client's.
        package var host: String?
        /// Header lines that replace the client's of that name, or come on top.
        package var headers: [HTTPField] = []
        /// Names, in lower case, of the client's header lines that the upstream must not see.
        package var withheld: Set<String> = []
        /// How long the upstream may take to begin its answer, and then be silent.
        package var patience: Duration = .seconds(120)
        /// Changes the answer's header lines, such as `Location`.
        package var rewrite: @Sendable (HTTPField) -> HTTPField = { $0 }

        package init() {}
    }

    /// Sends the request to whoever is at the other end of `socket`, body and all, and passes the answer back as it comes: a
    /// piece at a time, each at the pace of whoever takes it. A WebSocket, or any other upgrade that the upstream agrees to,
    /// is passed through byte by byte.
    ///
    /// - Parameters:
    ///   - request: A client's request, whose body nobody has read.
    ///   - socket: A connection on the request's loop that nothing has been sent over; closed when the answer has been sent.
    ///   - options: What is changed on the way.
    /// - Returns: The answer, for the request's handler to return.
    /// - Throws: ``ConnectionError`` when the upstream breaks off or is silent for too long before its answer begins;
    ///   ``HTTPError`` with 502 when it does not speak HTTP/1, or of reading the client's body.
    package static func forward(
        _ request: HTTPRequest, over socket: StreamSocket, _ options: Options = Options()
    ) async throws -> HTTPResponse {
        try await request.connection.loop.hop {
            var configuration = HTTPClientConfiguration()
            configuration.idleTimeout = options.patience
            let upstream = Upstream(HTTPClientConnection(socket, configuration))
            // Nothing else: an upgrade that this server does not know could carry requests past its checks.
            let isUpgrade =
                request.headers.list("connection", contains: "upgrade")
                && request.headers.list("upgrade", contains: "websocket")
            var passed = HTTPClientRequest(request.method, options.target ?? request.target)
            passed.headers = fields(of: request, options, isUpgrade: isUpgrade)
            if request.body.announcedBytes != 0 {
                passed.upload = HTTPUpload(length: request.body.announcedBytes) { writer in
                    try await copy(request, to: writer)
                }
            }
            let host = options.host ?? request.headers["host"] ?? "localhost"
            try await upstream.connection.send(passed, host: host)
            guard isUpgrade || upstream.connection.head.status != 101 else {
                throw HTTPError(502, "The server has switched to a protocol that nobody asked for.")
            }
            return answer(of: upstream, to: request, options)
        }
    }

    /// Ends at once when the upstream answers early, although the client is still sending.
    private static func copy(_ request: HTTPRequest, to writer: HTTPUploadWriter) async throws {
        let connection = request.connection
        try await withTaskCancellationHandler {
            for try await piece in request.body { try await writer.write(piece) }
        } onCancel: {
            let interrupt: @Sendable () -> Void = { connection.socket.interruptReader(CancellationError()) }
            // Later it could hit somebody else's wait.
            if connection.loop.isCurrent { interrupt() } else { connection.loop.execute(interrupt) }
        }
    }

    private static func answer(of upstream: Upstream, to request: HTTPRequest, _ options: Options) -> HTTPResponse {
        let connection = upstream.connection
        let head = connection.head
        if head.status == 101 {
            let pending = connection.takeInput()
            return HTTPResponse(
                101, headers: upgradeFields(head.headers).map(options.rewrite),
                body: .raw { client, ahead in
                    try await Relay.run(client, ahead, connection.socket, pending, idle: nil)
                    withExtendedLifetime(upstream) {}
                })
        }
        let body = connection.body
        let produce: @Sendable (HTTPBodyWriter) async throws -> Void = { writer in
            for try await piece in body { try await writer.write(piece) }
            withExtendedLifetime(upstream) {}
        }
        let fields = answerFields(head.headers).map(options.rewrite)
        // To HEAD nothing is produced, but the head says what a body would be like.
        if let length = head.framing.length, head.status.allowsBody {
            return HTTPResponse(head.status, headers: fields, body: .sized(length, produce))
        }
        if !head.status.allowsBody { return HTTPResponse(head.status, headers: fields) }
        return HTTPResponse(head.status, headers: fields, body: .stream(produce))
    }
}

/// The connection to the other side, closed when nobody needs it any more: also when an answer is never sent.
private final class Upstream: Sendable {
    let connection: HTTPClientConnection

    init(_ connection: HTTPClientConnection) { self.connection = connection }

    deinit {
        let connection = connection
        connection.socket.loop.execute { connection.close() }
    }
}
