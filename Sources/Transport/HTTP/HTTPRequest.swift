/// One request of a client.
package struct HTTPRequest: Sendable {
    let head: HTTPRequestHead
    /// The body, to be read at most once, and only until the answer has been returned.
    package let body: HTTPRequestBody
    /// The client's connection: the same object for every request that comes over it.
    package let connection: HTTPConnection

    init(head: HTTPRequestHead, body: HTTPRequestBody, connection: HTTPConnection) {
        self.head = head
        self.body = body
        self.connection = connection
    }

    /// The header lines.
    package var headers: HTTPHeaders { head.headers }

    /// The method, such as `POST`; any token is possible.
    package var method: String { headers.text(head.method) }

    /// The method as bytes: for routing without building a `String`.
    package var rawMethod: ArraySlice<UInt8> { headers.bytes[head.method.indices] }

    /// Whether the method is `method`; builds no `String`.
    package func isMethod(_ method: StaticString) -> Bool {
        headers.bytes[head.method.indices].elementsEqual(method.utf8)
    }

    /// The target as sent: path, query and, from proxies, scheme and host.
    package var target: String { headers.text(head.target) }

    /// The path as sent, without the query, as bytes: for routing without building a `String`.
    package var rawPath: ArraySlice<UInt8> {
        headers.bytes[head.target.indices].prefix { $0 != 0x3F }
    }

    /// The query as sent, without the question mark.
    package var rawQuery: ArraySlice<UInt8> {
        headers.bytes[head.target.indices].drop { $0 != 0x3F }.dropFirst()
    }

    /// The path, percent-decoded. The server has answered 400 to paths that cannot be decoded.
    package var path: String { HTTPTarget.path(headers.bytes[head.target.indices]) ?? "/" }

    /// The query's items in order, decoded (`+` is a space).
    package var query: [HTTPQueryItem] { HTTPTarget.query(headers.bytes[head.target.indices]) }

    /// The first query item of that name.
    package func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The client's address.
    package var peer: SocketAddress { connection.peer }
}
