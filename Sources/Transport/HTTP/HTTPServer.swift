import Glibc
import Synchronization

/// An HTTP/1.1 server: one listener and one set of connections per loop, and one handler for all requests.
///
///     let server = HTTPServer(group: group) { request in .text(.ok, "hello, \(request.path)\n") }
///     let address = try await server.start(on: .anyLoopbackPort)
package final class HTTPServer: Sendable {
    private let group: EventLoopGroup
    private let shards: [HTTPServerShard]

    /// - Parameters:
    ///   - configuration: What clients are allowed.
    ///   - group: The loops that serve. They must outlive the server.
    ///   - handler: Runs on the loop of the request's connection and must not block it. Its task is cancelled when the
    ///     client goes away.
    package init(
        configuration: HTTPServerConfiguration = HTTPServerConfiguration(), group: EventLoopGroup,
        handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
    ) {
        self.group = group
        shards = group.loops.map { HTTPServerShard($0, configuration, handler) }
    }

    /// Starts to listen; may be called for several addresses.
    ///
    /// - Parameter address: Port 0 stands for any free port.
    /// - Returns: The address with the port that was chosen.
    /// - Throws: ``SystemCallError``: `EADDRINUSE` when somebody listens there, `EACCES` for a port below 1024.
    @discardableResult
    package func start(on address: SocketAddress) async throws -> SocketAddress {
        var address = address
        if case .unix = address {
            try await start(Listener(address, on: shards[0].loop), shards[0])
            return address
        }
        let sharesPort = shards.count > 1
        if sharesPort, address.port != 0 {
            // Listeners that share a port would also share it with another server of the same user without a word. One
            // that does not share finds out first.
            _ = try Listener(address, on: shards[0].loop)
        }
        var listeners: [Listener] = []
        for shard in shards {
            let listener = try Listener(address, sharesPort: sharesPort, on: shard.loop)
            address = listener.address
            listeners.append(listener)
        }
        for (listener, shard) in zip(listeners, shards) { try await start(listener, shard) }
        return address
    }

    /// Serves on a socket that listens already, on the first loop.
    ///
    /// - Throws: ``SystemCallError`` when it cannot be watched.
    package func start(listening descriptor: consuming OwnedDescriptor) async throws {
        try await start(Listener(listening: descriptor, on: shards[0].loop), shards[0])
    }

    private func start(_ listener: Listener, _ shard: HTTPServerShard) async throws {
        try await shard.loop.hop { try shard.start(listener) }
    }

    /// Stops accepting, closes idle connections, lets requests in flight finish, says goodbye to WebSockets (1001), and
    /// cuts off what is left after `limit`. Returns when every connection has ended.
    package func shutDown(within limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        await withTaskGroup { group in
            for shard in shards {
                group.addTask {
                    let timer = shard.loop.schedule(at: deadline) { shard.abort() }
                    await withCheckedContinuation { continuation in
                        shard.loop.execute { shard.close { continuation.resume() } }
                    }
                    timer.cancel()
                }
            }
        }
    }
}
