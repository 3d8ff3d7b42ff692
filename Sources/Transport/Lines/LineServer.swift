import Synchronization

/// Serves lines on a Unix socket or a TCP port. A connection lives as long as its handler.
package final class LineServer: Sendable {
    private struct State {
        var listeners: [Listener] = []
        var connections: [ObjectIdentifier: (LineConnection, Task<Void, Never>)] = [:]
        var isClosing = false
        var whenEmpty: CheckedContinuation<Void, Never>?
    }

    private let group: EventLoopGroup
    private let configuration: LineConfiguration
    private let handler: @Sendable (LineConnection) async throws -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - configuration: Limits.
    ///   - group: The loops that serve. They must outlive the server.
    ///   - handler: Runs on the connection's loop. When it returns, what it has sent is flushed and the connection closed;
    ///     when it throws likewise: it should have told the client why.
    package init(
        configuration: LineConfiguration = LineConfiguration(), group: EventLoopGroup,
        handler: @escaping @Sendable (LineConnection) async throws -> Void
    ) {
        self.group = group
        self.configuration = configuration
        self.handler = handler
    }

    /// Starts to listen; may be called for several addresses. A Unix socket's file is made with mode 0600, replaces one on
    /// which nobody answers, and is removed by ``shutDown(within:)``.
    ///
    /// - Parameter address: Port 0 stands for any free port.
    /// - Returns: The address with the port that was chosen.
    /// - Throws: ``SystemCallError``: `EADDRINUSE` when somebody listens there.
    @discardableResult
    package func start(on address: SocketAddress) async throws -> SocketAddress {
        let listener = try Listener(address, on: group.loops[0])
        try await listener.loop.hop {
            try listener.start { [weak self] descriptor, peer in self?.accept(descriptor, peer) }
        }
        state.withLock { $0.listeners.append(listener) }
        return listener.address
    }

    private func accept(_ descriptor: consuming OwnedDescriptor, _ peer: SocketAddress) {
        let loop = group.next()
        let socket = StreamSocket(descriptor, on: loop)
        loop.execute {
            // Without room to watch it the client is cut off: letting go of the socket closes it.
            do { try socket.watch() } catch { return }
            self.serve(LineConnection(socket, peer: peer, self.configuration))
        }
    }

    private func serve(_ connection: LineConnection) {
        let id = ObjectIdentifier(connection)
        let isWelcome = state.withLock { state in
            guard !state.isClosing, state.connections.count < configuration.maximumConnections else { return false }
            let task = Task(executorPreference: connection.loop) {
                // Its error has been dealt with: the handler has told the client, and the connection ends either way.
                try? await self.handler(connection)
                await connection.closeGently()
                self.remove(id)
            }
            state.connections[id] = (connection, task)
            return true
        }
        if !isWelcome { connection.close() }
    }

    private func remove(_ id: ObjectIdentifier) {
        let waiter = state.withLock { state in
            state.connections[id] = nil
            return state.connections.isEmpty ? state.whenEmpty.take() : nil
        }
        waiter?.resume()
    }

    /// Stops accepting, ends every connection's lines so that handlers finish what they have read, and cuts off what is
    /// left after `limit`. Returns when every handler has.
    package func shutDown(within limit: Duration) async {
        let (listeners, connections) = state.withLock { state in
            state.isClosing = true
            defer { state.listeners = [] }
            return (state.listeners, state.connections.values.map(\.0))
        }
        for listener in listeners {
            await withCheckedContinuation { continuation in
                listener.loop.execute {
                    listener.stop()
                    continuation.resume()
                }
            }
        }
        for connection in connections { connection.finish() }
        let timer = group.loops[0].schedule(at: .now + limit) { self.abort() }
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.connections.isEmpty { state.whenEmpty = continuation }
                return state.connections.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
        timer.cancel()
    }

    private func abort() {
        for (connection, task) in state.withLock({ Array($0.connections.values) }) {
            task.cancel()
            connection.close()
        }
    }
}
