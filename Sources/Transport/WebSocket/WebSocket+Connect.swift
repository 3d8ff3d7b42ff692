extension WebSocket {
    /// Opens a WebSocket as a client. It is closed when the reader ends, or when nobody holds it any more.
    ///
    /// - Parameters:
    ///   - address: Where the server listens.
    ///   - host: What the `Host` header says; the address by default.
    ///   - target: Path and query, percent-encoded.
    ///   - headers: Header lines besides those of the handshake.
    ///   - loop: The loop that will carry the connection.
    ///   - configuration: Limits; its subprotocols are offered in order.
    /// - Returns: The open socket.
    /// - Throws: ``ConnectionError`` when the server cannot be reached; ``HTTPError`` with the status of its answer when it
    ///   does not agree, or 502 when it does not speak the protocol.
    package static func connect(
        to address: SocketAddress, host: String? = nil, target: String, headers: [HTTPField] = [], on loop: EventLoop,
        configuration: WebSocketConfiguration = WebSocketConfiguration()
    ) async throws -> WebSocket {
        let host = host ?? (address.port == nil ? "localhost" : "\(address)")
        return try await connect(host: host, target: target, headers: headers, on: loop, configuration: configuration) {
            try await StreamSocket.connect(to: address, on: $0, within: .seconds(10))
        }
    }

    /// The same over a connection that `connect` makes, on the loop.
    package static func connect(
        host: String, target: String, headers: [HTTPField] = [], on loop: EventLoop,
        configuration: WebSocketConfiguration = WebSocketConfiguration(),
        connect: @escaping @Sendable (EventLoop) async throws -> StreamSocket
    ) async throws -> WebSocket {
        try await loop.hop {
            let socket = try await connect(loop)
            var limits = HTTPClientConfiguration()
            limits.idleTimeout = .seconds(30)
            let connection = HTTPClientConnection(socket, limits)
            let key = WebSocketHandshake.randomKey()
            var fields = [
                HTTPField("Upgrade", "websocket"), HTTPField("Connection", "Upgrade"),
                HTTPField("Sec-WebSocket-Version", "13"), HTTPField("Sec-WebSocket-Key", key),
            ]
            if !configuration.subprotocols.isEmpty {
                fields.append(
                    HTTPField("Sec-WebSocket-Protocol", configuration.subprotocols.joined(separator: ", ")))
            }
            try await connection.send(HTTPClientRequest("GET", target, headers: fields + headers), host: host)
            do {
                try check(connection.head, key: key, configuration)
            } catch {
                socket.close()
                throw error
            }
            return WebSocket(
                socket, role: .client, input: connection.input,
                subprotocol: connection.head.headers["sec-websocket-protocol"], configuration)
        }
    }

    private static func check(
        _ head: HTTPResponseHead, key: String, _ configuration: WebSocketConfiguration
    ) throws(HTTPError) {
        guard head.status == 101 else {
            throw HTTPError(head.status, "The server does not open a WebSocket: \(head.status.rawValue).")
        }
        let chosen = head.headers["sec-websocket-protocol"]
        guard head.headers.list("upgrade", contains: "websocket"), head.headers.list("connection", contains: "upgrade"),
            head.headers["sec-websocket-accept"] == WebSocketHandshake.acceptValue(key),
            !head.headers.contains("sec-websocket-extensions"),
            chosen.map(configuration.subprotocols.contains) ?? true
        else { throw HTTPError(502, "The server's WebSocket handshake is malformed.") }
    }
}
