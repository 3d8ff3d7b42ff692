/// What a handler answers.
package struct HTTPResponse: Sendable {
    package var status: HTTPStatus
    /// Header lines in the order they are sent. `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the
    /// server's own and left out here. Control characters in a value are sent as spaces.
    package var headers: [HTTPField]
    package var body: Body

    package enum Body: Sendable {
        /// All of it.
        case bytes([UInt8])
        /// Written piece by piece while the client reads. When the closure throws, the connection is cut, so that the
        /// client cannot take a part for the whole.
        case stream(@Sendable (HTTPBodyWriter) async throws -> Void)
        /// The same for a body whose length is known: exactly so many bytes must be written.
        case sized(Int, @Sendable (HTTPBodyWriter) async throws -> Void)
        /// A part of a file, which the kernel sends. A file that has become shorter cuts the connection.
        case file(OpenFile, Range<Int64>)
        /// The connection becomes a WebSocket and belongs to the closure; when it returns, the socket is closed with 1000,
        /// when it throws, with 1011. A request that is no proper handshake is answered 400 or 426 instead.
        case webSocket(WebSocketConfiguration, @Sendable (WebSocket) async throws -> Void)
        /// The status and the header lines are sent as they are, `Connection` included, and the connection then belongs to
        /// the closure, which also gets what the client has sent ahead. It is closed when the closure ends.
        case raw(@Sendable (StreamSocket, [UInt8]) async throws -> Void)
    }

    package init(_ status: HTTPStatus = .ok, headers: [HTTPField] = [], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A text answer.
    package static func text(_ status: HTTPStatus, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status, headers: [HTTPField("Content-Type", "text/plain; charset=utf-8")], body: .bytes(Array(text.utf8)))
    }

    /// A JSON answer, from JSON in UTF-8.
    package static func json(_ status: HTTPStatus = .ok, _ json: [UInt8]) -> HTTPResponse {
        HTTPResponse(status, headers: jsonFields, body: .bytes(json))
    }

    /// Turns the connection into a WebSocket.
    package static func webSocket(
        _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
        _ body: @escaping @Sendable (WebSocket) async throws -> Void
    ) -> HTTPResponse {
        HTTPResponse(101, body: .webSocket(configuration, body))
    }

    private static let jsonFields = [HTTPField("Content-Type", "application/json")]
}
