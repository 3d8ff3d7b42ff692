/// A request that has been sent, and its answer as it comes: for who passes the body on after looking at the head.
///
/// The connection goes back to its client when the body has been read to its end, and is closed where it has not been when
/// nobody holds the exchange any more.
package final class HTTPClientExchange: Sendable {
    package let status: HTTPStatus
    package let headers: HTTPHeaders
    /// The answer's body; readable for as long as the exchange is held.
    package let body: HTTPClientBody
    private let client: HTTPClient
    private let connection: HTTPClientConnection

    init(_ connection: HTTPClientConnection, of client: HTTPClient) {
        self.client = client
        self.connection = connection
        status = connection.head.status
        headers = connection.head.headers
        body = connection.body
    }

    deinit {
        let (client, connection) = (client, connection)
        client.loop.execute { client.keep(connection) }
    }

    /// Hangs up: what has not been read is not wanted.
    package func close() {
        let connection = connection
        client.loop.execute { connection.close() }
    }
}

extension HTTPClient {
    /// Sends a request and waits for the head of its answer.
    ///
    /// - Parameter request: What to send.
    /// - Returns: The answer, its body still to be read.
    /// - Throws: As ``send(_:limit:)``.
    package func open(_ request: HTTPClientRequest) async throws -> HTTPClientExchange {
        try await loop.hop { HTTPClientExchange(try await self.sending(request), of: self) }
    }
}
