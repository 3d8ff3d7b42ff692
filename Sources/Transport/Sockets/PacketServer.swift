import CLinux
import Glibc

/// Accepts connections that carry whole messages, and gives each a task.
package final class PacketServer: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// Who comes on top is hung up on.
    private static let connectionLimit = 256

    private let loop: EventLoop
    private let serve: @Sendable (PacketSocket) async -> Void
    private var listener: Listener?
    private var connections: [ObjectIdentifier: PacketSocket] = [:]

    /// - Parameters:
    ///   - loop: Carries the connections.
    ///   - serve: Runs once for each connection, on the loop; when it returns, the connection is closed.
    package init(on loop: EventLoop, serve: @escaping @Sendable (PacketSocket) async -> Void) {
        self.loop = loop
        self.serve = serve
    }

    /// Listens on a socket that is bound and listening already; non-blocking or not.
    ///
    /// - Throws: ``SystemCallError`` when it cannot be watched.
    package func start(listening descriptor: consuming OwnedDescriptor) async throws {
        let number = descriptor.release()
        try await loop.hop { [self] in try start(Listener(listening: OwnedDescriptor(number), on: loop)) }
    }

    /// Makes a socket at `path`, which only the same user can connect to.
    ///
    /// - Throws: ``SystemCallError``: `EADDRINUSE` when somebody listens there, `ENAMETOOLONG` above 107 bytes.
    package func start(at path: String) async throws {
        try await loop.hop { [self] in
            try start(Listener(.unix(path: path), carriesPackets: true, on: loop))
        }
    }

    private func start(_ listener: Listener) throws {
        try listener.start { [unowned self] descriptor, _ in accept(descriptor) }
        self.listener = listener
    }

    private func accept(_ descriptor: consuming OwnedDescriptor) {
        guard connections.count < Self.connectionLimit else { return }
        // Without room to watch it the client is cut off: letting go of the socket closes it.
        guard let socket = try? PacketSocket(descriptor, on: loop) else { return }
        connections[ObjectIdentifier(socket)] = socket
        Task(executorPreference: loop) {
            await self.serve(socket)
            socket.close()
            self.connections[ObjectIdentifier(socket)] = nil
        }
    }

    /// Accepts nothing more and closes every connection.
    package func stop() async {
        // Hopping fails only where its body does.
        try? await loop.hop { [self] in
            listener?.stop()
            listener = nil
            for socket in connections.values { socket.close() }
        }
    }
}
