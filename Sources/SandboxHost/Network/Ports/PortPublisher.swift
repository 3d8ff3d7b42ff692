import GEM
import Synchronization
import Transport

/// The published ports of all sandboxes of one server. They are this process's: they go with it, and come back when it
/// adopts its sandboxes.
final class PortPublisher: Sendable {
    private let address: IPv4
    private let machine: Int32?
    private let connectionsPerSandbox: Int
    private let loop: EventLoop
    private let ports = Mutex<[SandboxID: [PublishedPort]]>([:])

    /// - Throws: ``Failure`` `invalidArgument` for an address that is none.
    init(_ configuration: NetworkConfiguration, on loop: EventLoop) throws(Failure) {
        guard let address = IPv4(configuration.publishAddress) else {
            throw Failure(
                .invalidArgument,
                "\"\(configuration.publishAddress)\" is no IPv4 address: ports are published on one of this machine's, such "
                    + "as 127.0.0.1")
        }
        self.address = address
        machine = configuration.machine
        connectionsPerSandbox = configuration.maximumPublishedConnections
        self.loop = loop
    }

    /// See ``NetworkFabric/publish(_:ports:connect:)``.
    func publish(
        _ id: SandboxID, _ wanted: [UInt16: UInt16], _ connect: @escaping PublishedPort.Connect
    ) async throws(Failure) -> [UInt16: UInt16] {
        let limit = ConnectionLimit(connectionsPerSandbox)
        var opened: [PublishedPort] = []
        do {
            // In order, so that of two wishes for one port the lower port inside has it, every time.
            for (inside, outside) in wanted.sorted(by: { $0.key < $1.key }) {
                opened.append(
                    try PublishedPort(
                        inside, at: (address, outside), machine: machine, limit: limit, on: loop, connect: connect))
            }
            try await loop.hop { [opened] in
                for port in opened { try port.start() }
            }
        } catch {
            await stop(opened)
            throw Failure(.infraFailed, "the ports of sandbox \(id) cannot be published: \(error)")
        }
        ports.withLock { $0[id, default: []] += opened }
        return Dictionary(uniqueKeysWithValues: opened.map { ($0.inside, $0.outside) })
    }

    /// Closes a sandbox's ports and cuts their connections.
    func close(_ id: SandboxID) async {
        await stop(ports.withLock { $0.removeValue(forKey: id) } ?? [])
    }

    /// Closes every port.
    func closeAll() async {
        let all = ports.withLock { ports in
            defer { ports = [:] }
            return ports.values.flatMap(\.self)
        }
        await stop(all)
    }

    private func stop(_ ports: [PublishedPort]) async {
        guard !ports.isEmpty else { return }
        await withCheckedContinuation { continuation in
            loop.execute {
                for port in ports { port.stop() }
                continuation.resume()
            }
        }
    }
}
