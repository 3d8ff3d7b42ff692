import Glibc
import Transport

/// Ways to what listens inside: connections handed to the host, and `/portforward` for those who reach only this server.
struct PortService: Service {
    private let context: ServerContext
    private let packets: PacketServer

    /// How long a forwarded connection may be silent.
    private static let idleLimit: Duration = .seconds(300)

    init(_ context: ServerContext, _ tree: FileTree) {
        self.context = context
        let descriptors = DescriptorService(tree, programs: HostedPrograms(context))
        packets = PacketServer(on: context.loop) { await descriptors.serve($0) }
    }

    var routes: [Route] {
        [Route("GET", "/portforward") { forward($0) }]
    }

    func start() async throws {
        switch context.options.descriptors {
        case .inherited(let number): try await packets.start(listening: OwnedDescriptor(number))
        case .file(let path):
            try await packets.start(listening: try SocketPlace.listen(at: path, carriesPackets: true))
        case nil: break
        }
    }

    func shutDown() async { await packets.stop() }

    /// `WS /portforward?port=`: binary messages are the bytes of a connection to that port.
    private func forward(_ call: Call) -> HTTPResponse {
        let port = call.request.query("port").flatMap { UInt16($0) }
        return .webSocket { webSocket in
            guard let port, port >= 1024 else {
                throw WebSocketError(.policyViolation, "The port must be one from 1024 to 65535.")
            }
            let socket = try await DescriptorService.connect(to: port, on: webSocket.loop)
            try await Relay.run(webSocket, socket, idle: Self.idleLimit)
        }
    }
}
