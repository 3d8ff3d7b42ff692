/// What an HTTP server allows its clients. Every limit has a default that is safe on a public address.
package struct HTTPServerConfiguration: Sendable {
    /// Limits of a request's head.
    package var head = HTTPHeadLimits()
    /// Bytes of a request's body, decoded. Beyond it: 413.
    package var maximumBodyBytes = 64 * 1024 * 1024
    /// Open connections per loop; who comes on top is told 503.
    package var maximumConnectionsPerLoop = 8_000
    /// How long a connection may wait for its next request. Then it is closed without a word.
    package var idleTimeout: Duration = .seconds(75)
    /// How long a request's head may take, from its first byte (and for the first request, from the connection). Then 408.
    package var headTimeout: Duration = .seconds(15)
    /// How long the server waits for a body in all, besides what ``minimumBodyBytesPerSecond`` grants. Then 408. Time that
    /// the handler takes does not count.
    package var bodyTimeout: Duration = .seconds(30)
    /// How slowly a body may come on average, once ``bodyTimeout`` is used up.
    package var minimumBodyBytesPerSecond = 1024
    /// How long a client may leave an answer untouched. Then the connection is closed.
    package var writeTimeout: Duration = .seconds(30)
    /// Requests that one connection may carry.
    package var maximumRequestsPerConnection = Int.max
    /// How many unread body bytes are read and dropped to keep a connection, when a handler answers without reading.
    package var maximumDrainedBytes = 256 * 1024

    package init() {}
}
