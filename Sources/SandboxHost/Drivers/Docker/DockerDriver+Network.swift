import GEM
import Glibc
import Transport

/// Networks and published ports: by this machine's own means where there are any, by the engine's otherwise.
extension DockerDriver {
    /// Whether this machine, and not the engine, connects a sandbox to the outside.
    func connects(_ specification: SandboxSpecification) -> Bool { network != nil && specification.network != .none }

    /// Connects a sandbox whose first process is the rocklet and nobody's program yet.
    func connect(_ launch: Launch, _ process: ProcessIdentity?) async throws(Failure) {
        let specification = launch.specification
        guard let network, specification.network != .none else { return }
        guard let process else {
            throw Failure(
                .isolationRefused,
                "The container engine's processes are not to be seen from here, so sandbox \(specification.id) cannot be "
                    + "connected. Run the server on the engine's machine, outside containers, or ask for network none.")
        }
        try await startNetwork()
        let descriptor = open("/proc/\(process.number)/ns/net", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(
                .infraFailed,
                "The network namespace of sandbox \(specification.id) cannot be opened: \(KernelFile.reason(errno)).")
        }
        let namespace = OwnedDescriptor(descriptor)
        let attachment = try await network.attach(
            specification.id, namespace: namespace.rawValue, policy: specification.network)
        let run = launch.run
        try await Self.blocking { () throws(Failure) in
            try run.write(resolverConfiguration: attachment.resolverConfiguration)
        }
    }

    /// Publishes a sandbox's ports.
    ///
    /// - Parameters:
    ///   - specification: Which ports.
    ///   - agent: The rocklet, which connects inside.
    ///   - known: What the engine publishes, or what was published before.
    /// - Returns: Ports inside to ports of the machine's.
    /// - Throws: ``Failure`` where nothing can be listened on.
    func publish(
        _ specification: SandboxSpecification, _ agent: AgentAddress, _ known: [UInt16: UInt16]
    ) async throws(Failure) -> [UInt16: UInt16] {
        guard let network, !specification.publishedPorts.isEmpty else { return known }
        let agent = SandboxAgent(agent, of: specification.id, on: loops.next())
        let ports = Dictionary(specification.publishedPorts.map { ($0, known[$0] ?? 0) }) { first, _ in first }
        return try await network.publish(specification.id, ports: ports) { port async throws(Failure) in
            let socket = try await agent.connect(port: port)
            let descriptor = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
            socket.loop.execute { socket.close() }
            guard descriptor >= 0 else {
                throw Failure(.overloaded, "Port \(port) cannot be reached: \(KernelFile.reason(errno)).")
            }
            return OwnedDescriptor(descriptor)
        }
    }
}
