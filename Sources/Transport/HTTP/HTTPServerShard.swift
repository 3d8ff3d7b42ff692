import Synchronization

/// The part of a server that one loop runs: its connections and what they share.
final class HTTPServerShard: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    let loop: EventLoop
    let configuration: HTTPServerConfiguration
    let handler: @Sendable (HTTPRequest) async -> HTTPResponse
    var encoder = HTTPResponseEncoder()
    private(set) var isClosing = false
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var listeners: [Listener] = []
    private var whenEmpty: [@Sendable () -> Void] = []

    init(
        _ loop: EventLoop, _ configuration: HTTPServerConfiguration,
        _ handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
    ) {
        self.loop = loop
        self.configuration = configuration
        self.handler = handler
    }

    func start(_ listener: Listener) throws {
        try listener.start { [unowned self] descriptor, peer in accept(descriptor, peer) }
        listeners.append(listener)
    }

    private func accept(_ descriptor: consuming OwnedDescriptor, _ peer: SocketAddress) {
        let socket = StreamSocket(descriptor, on: loop)
        // Without room to watch it the client is cut off: letting go of the socket closes it.
        do { try socket.watch() } catch { return }
        guard connections.count < configuration.maximumConnectionsPerLoop else { return turnAway(socket) }
        let connection = HTTPConnection(socket, peer: peer, shard: self)
        connections[ObjectIdentifier(connection)] = connection
        connection.task = Task(executorPreference: loop) { await connection.run() }
    }

    /// Tells a client that there is no room. It has sent nothing yet as a rule, so nothing has to be read first.
    private func turnAway(_ socket: StreamSocket) {
        var output: [UInt8] = []
        encoder.append(
            HTTPResponse(503), framing: .length(0), minorVersion: 1, keepsAlive: false, to: &output)
        // A client that cannot even take this much is cut off all the same.
        _ = try? output.withUnsafeBytes { try socket.send($0) }
        socket.close()
    }

    func remove(_ connection: HTTPConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if connections.isEmpty { tellEmpty() }
    }

    // MARK: Ending

    /// Stops accepting, closes what is idle, and lets the rest finish; `done` is called when nothing is left.
    func close(_ done: @escaping @Sendable () -> Void) {
        isClosing = true
        for listener in listeners { listener.stop() }
        listeners = []
        whenEmpty.append(done)
        for connection in connections.values { connection.windDown() }
        if connections.isEmpty { tellEmpty() }
    }

    /// Cuts off what has not finished.
    func abort() {
        for connection in connections.values { connection.abort() }
    }

    private func tellEmpty() {
        let waiting = whenEmpty
        whenEmpty = []
        for done in waiting { done() }
    }
}
