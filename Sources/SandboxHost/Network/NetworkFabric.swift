package import GEM
import Synchronization
package import Transport

/// The networks of all sandboxes of one server: what connects each to the outside, and what keeps it from the rest.
///
/// A sandbox's network namespace gets one interface, `eth0`, whose other end is the machine's and leads to nobody else. What
/// it sends is let through or refused by the kernel's packet filter, by rules of its own; names are looked up by a name
/// server on the machine's end, which answers for allowed names only. Everything lives in the kernel and outlives this
/// process; connections that sandboxes have are not cut when it dies, and ``adopt(_:policy:)`` finds the rest.
///
/// A sandbox without a network (``NetworkPolicy/none``) costs nothing here. Published ports need no network: they are
/// listened on by this process, which connects inside through the sandbox's rocklet.
///
/// The order, for a driver: ``start()``, ``adopt(_:policy:)`` for each sandbox that still runs, ``sweep()``; then ``attach(_:namespace:policy:)``
/// when a sandbox's namespaces exist and before its first program runs, ``publish(_:ports:connect:)`` at any time, and
/// ``release(_:)`` when it has ended.
package final class NetworkFabric: Sendable {
    private let configuration: NetworkConfiguration
    private let loop: EventLoop
    private let kernel: FabricKernel
    private let publisher: PortPublisher
    private let nameServer: NameServer
    private let clients = Mutex<[SandboxID: NameClient]>([:])
    /// One thread: the kernel does one thing with interfaces at a time anyway.
    private let thread = BlockingPool(threads: 1)
    /// Another for removals, which the kernel takes its time for.
    private let removals = BlockingPool(threads: 1)

    /// Touches nothing yet.
    ///
    /// - Parameters:
    ///   - configuration: How sandboxes are connected.
    ///   - loop: Where names are answered and published connections carried.
    /// - Throws: ``Failure`` `invalidArgument` for a configuration that cannot be read.
    package init(_ configuration: NetworkConfiguration, on loop: EventLoop) throws(Failure) {
        self.configuration = configuration
        self.loop = loop
        kernel = try FabricKernel(configuration)
        publisher = try PortPublisher(configuration, on: loop)
        nameServer = try NameServer(
            configuration, on: loop, forbidden: kernel.forbiddenNetworks
        ) { [kernel, thread] id, addresses, lifetime in
            try await thread.run { try kernel.admit(addresses, for: lifetime, id) }
        }
    }

    /// Finds what a predecessor left. Call it once, before anything else.
    ///
    /// - Throws: ``Failure`` `infraFailed` when the kernel does not answer.
    package func start() async throws(Failure) {
        try await onThread("look for networks of before") { try $0.find() }
    }

    /// Connects a sandbox that is being started.
    ///
    /// - Parameters:
    ///   - id: The sandbox; attached at most once.
    ///   - namespace: A descriptor of its network namespace, such as `/proc/PID/ns/net`. Stays the caller's, who keeps it
    ///     open until this returns. Loopback is up in it afterwards, but for the policy `none`, which touches nothing.
    ///   - policy: Whom it may reach.
    /// - Returns: What the sandbox has to be told.
    /// - Throws: ``Failure``: `invalidArgument` for an allow-list that cannot be read or asks for what nobody may have,
    ///   `isolationRefused` where this machine cannot hold a sandbox to its policy, `infraFailed` for everything else.
    ///   Nothing of the attachment is left then.
    package func attach(
        _ id: SandboxID, namespace: Int32, policy: NetworkPolicy
    ) async throws(Failure) -> NetworkAttachment {
        guard policy != .none else { return .loopbackOnly }
        let list = try allowList(policy)
        let place = try await onThread("attach sandbox \(id)") { try $0.attach(id, namespace, list) }
        do throws(Failure) {
            return try await introduce(id, place, list)
        } catch {
            try await release(id)
            throw error
        }
    }

    /// Takes over a running sandbox that a predecessor of this process attached, and holds it to `policy` again.
    ///
    /// - Throws: As ``attach(_:namespace:policy:)``; `infraFailed` when its interface is gone, and then it reaches nothing.
    @discardableResult
    package func adopt(_ id: SandboxID, policy: NetworkPolicy) async throws(Failure) -> NetworkAttachment {
        guard policy != .none else { return .loopbackOnly }
        let list = try allowList(policy)
        guard let place = try await onThread("adopt the network of sandbox \(id)", { try $0.adopt(id, list) }) else {
            throw Failure(.infraFailed, "the network of sandbox \(id) is gone: restart the sandbox")
        }
        return try await introduce(id, place, list)
    }

    /// Removes every interface and rule of this server's that no sandbox was attached or adopted with.
    package func sweep() async throws(Failure) {
        try await onThread("remove networks of before") { try $0.sweep() }
    }

    private func allowList(_ policy: NetworkPolicy) throws(Failure) -> AllowList? {
        guard case .allow(let entries) = policy else { return nil }
        return try AllowList(
            entries, limit: configuration.maximumAllowEntries, forbidden: kernel.forbiddenNetworks)
    }

    /// Makes a sandbox known to the name server.
    private func introduce(
        _ id: SandboxID, _ place: FabricKernel.Place, _ list: AllowList?
    ) async throws(Failure) -> NetworkAttachment {
        guard let gateway = kernel.gateway else { throw Failure(.internalError, "sandboxes have no name server") }
        let client = NameClient(id, place.address, list)
        do {
            try await loop.hop { [nameServer] in
                try nameServer.start(at: gateway)
                nameServer.add(client)
            }
        } catch {
            throw Failure(.infraFailed, "names cannot be answered for sandbox \(id): \(error)")
        }
        clients.withLock { $0[id] = client }
        return NetworkAttachment(address: "\(place.address)", resolverConfiguration: "nameserver \(gateway)\n")
    }

    /// Runs `body` where it may wait for the kernel.
    private func onThread<Value: Sendable>(
        _ task: String, on pool: BlockingPool? = nil, _ body: @escaping @Sendable (FabricKernel) throws -> Value
    ) async throws(Failure) -> Value {
        do {
            return try await (pool ?? thread).run { [kernel] in try body(kernel) }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.infraFailed, "could not \(task): \(error)")
        }
    }

    /// Listens for a sandbox's ports on the machine.
    ///
    /// - Parameters:
    ///   - id: The sandbox; more ports may be added by further calls.
    ///   - ports: Ports inside, each with the port of the machine's that it had before, or 0 for any free one. Where the
    ///     wanted port is taken, another is used.
    ///   - connect: Connects to a port inside and hands the descriptor over, which does not block. Called for each
    ///     connection, on the fabric's loop.
    /// - Returns: Ports inside to ports of the machine's.
    /// - Throws: ``Failure`` `infraFailed` when nothing can be listened on; then none of `ports` is.
    package func publish(
        _ id: SandboxID, ports: [UInt16: UInt16],
        connect: @escaping @Sendable (UInt16) async throws(Failure) -> OwnedDescriptor
    ) async throws(Failure) -> [UInt16: UInt16] {
        try await publisher.publish(id, ports, connect)
    }

    /// Takes away a sandbox's network and its published ports. That it has none is no failure.
    ///
    /// - Throws: ``Failure`` `infraFailed` when the kernel does not do it; the next sweep tries again.
    package func release(_ id: SandboxID) async throws(Failure) {
        await publisher.close(id)
        if let client = clients.withLock({ $0.removeValue(forKey: id) }) {
            loop.execute { [nameServer] in nameServer.remove(client.address) }
        }
        try await onThread("release the network of sandbox \(id)", on: removals) { try $0.release(id) }
    }

    /// Bytes and packets since the sandbox was attached; zeros where it has no network.
    package func statistics(_ id: SandboxID) async throws(Failure) -> NetworkStatistics {
        var statistics = try await onThread("read the network's statistics of sandbox \(id)") { try $0.statistics(id) }
        if let client = clients.withLock({ $0[id] }) {
            statistics.refusedNames = await withCheckedContinuation { continuation in
                loop.execute { continuation.resume(returning: client.refusedNames) }
            }
        }
        return statistics
    }

    /// Whether sandboxes can have networks here, for the doctor.
    package func examine() async -> [DriverReport.Finding] {
        let network = await trial("network", remedy: FabricKernel.remedy) { try $0.tryRules() }
        guard network.works else { return [network] }
        return [
            network,
            await trial("network_forwarding", remedy: FabricKernel.forwardingRemedy) { try $0.tryForwarding() },
            await trial(
                "network_names", remedy: "Write a nameserver with an IPv4 address into /etc/resolv.conf, or set one."
            ) {
                [configuration] _ in try Upstream.describe(configuration)
            },
        ]
    }

    /// Tries one thing, whose detail `body` returns.
    private func trial(
        _ name: String, remedy: String, _ body: @escaping @Sendable (FabricKernel) throws -> String
    ) async -> DriverReport.Finding {
        do throws(Failure) {
            return DriverReport.Finding(name, works: true, detail: try await onThread("try \(name)", body))
        } catch {
            return DriverReport.Finding(name, works: false, detail: error.message, remedy: remedy)
        }
    }

    /// Stops answering and listening. Sandboxes keep their networks; where none is left, neither is anything of the
    /// fabric's.
    ///
    /// - Throws: ``Failure`` `infraFailed` when the kernel does not remove it.
    package func shutDown() async throws(Failure) {
        await publisher.closeAll()
        await withCheckedContinuation { continuation in
            loop.execute { [nameServer] in
                nameServer.stop()
                continuation.resume()
            }
        }
        try await onThread("remove the network's table") { try $0.removeIfUnused() }
    }
}
