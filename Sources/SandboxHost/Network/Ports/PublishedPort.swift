import GEM
import Transport

/// A port of the machine's that stands for a port of a sandbox's. For the loop's thread, unless it says otherwise.
final class PublishedPort: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    typealias Connect = @Sendable (UInt16) async throws(Failure) -> OwnedDescriptor

    /// One client and, once it is connected, the sandbox.
    private struct Connection {
        let task: Task<Void, Never>
        let client: StreamSocket
        var sandbox: StreamSocket?
    }

    /// The port inside.
    let inside: UInt16
    /// The machine's. Readable from every thread.
    var outside: UInt16 { listener.port }
    private let loop: EventLoop
    private let listener: InternetListener
    private let connect: Connect
    private let limit: ConnectionLimit
    /// By the order in which they came.
    private var connections: [Int: Connection] = [:]
    private var count = 0

    /// Listens; connections wait in the kernel until ``start()``. Callable from every thread.
    ///
    /// - Parameters:
    ///   - inside: The port inside.
    ///   - address: The machine's address and wanted port; any free port where that is taken.
    ///   - machine: A descriptor of the machine's network namespace; `nil` for this process's own.
    ///   - limit: Shared by all ports of the sandbox.
    ///   - loop: Where connections are carried.
    ///   - connect: Connects to a port inside.
    /// - Throws: ``SystemCallError`` of `socket`, `bind` or `listen`.
    init(
        _ inside: UInt16, at address: (IPv4, UInt16), machine: Int32?, limit: ConnectionLimit, on loop: EventLoop,
        connect: @escaping Connect
    ) throws(SystemCallError) {
        listener = try InternetListener(address.0, address.1, takesAnother: true, machine: machine, on: loop)
        self.inside = inside
        self.limit = limit
        self.loop = loop
        self.connect = connect
    }

    /// - Throws: ``SystemCallError`` when the loop can watch no more descriptors.
    func start() throws(SystemCallError) {
        try listener.start { [weak self] client, _ in self?.carry(client) }
    }

    /// Accepts nothing more and cuts every connection.
    func stop() {
        listener.stop()
        for connection in connections.values {
            connection.task.cancel()
            connection.client.close()
            connection.sandbox?.close()
        }
    }

    /// Connects inside, then carries bytes both ways. Over the limit, or when nobody listens inside, the client sees its
    /// connection closed, which is all that a port can say.
    private func carry(_ client: StreamSocket) {
        guard limit.take() else { return client.close() }
        count += 1
        let number = count
        let task = Task(executorPreference: loop) { [self] in
            do { try await serve(number, client) } catch { client.close() }
            connections[number] = nil
            limit.give()
        }
        connections[number] = Connection(task: task, client: client)
    }

    private func serve(_ number: Int, _ client: StreamSocket) async throws {
        try client.watch()
        let sandbox = StreamSocket(try await connect(inside), on: loop)
        try sandbox.watch()
        // It may have been stopped meanwhile.
        guard listener.isOpen, client.isOpen else {
            sandbox.close()
            return client.close()
        }
        connections[number]?.sandbox = sandbox
        await Relay.run(client, sandbox)
    }
}

/// How many connections one sandbox may have to its published ports. For one loop's thread only.
final class ConnectionLimit: @unchecked Sendable {
    // Safety of @unchecked: the variable is touched on the loop's thread only.
    private var left: Int

    init(_ limit: Int) { left = max(1, limit) }

    /// Whether there is room for one more, which is taken.
    func take() -> Bool {
        guard left > 0 else { return false }
        left -= 1
        return true
    }

    func give() { left += 1 }
}
