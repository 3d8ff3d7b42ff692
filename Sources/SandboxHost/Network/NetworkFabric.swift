package import GEM
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

    /// Touches nothing yet.
    ///
    /// - Parameters:
    ///   - configuration: How sandboxes are connected.
    ///   - loop: Where names are answered and published connections carried.
    package init(_ configuration: NetworkConfiguration, on loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    /// Finds what a predecessor left. Call it once, before anything else.
    ///
    /// - Throws: ``Failure`` `infraFailed` when the kernel does not answer.
    package func start() async throws(Failure) {}

    /// Connects a sandbox that is being started.
    ///
    /// - Parameters:
    ///   - id: The sandbox; attached at most once.
    ///   - namespace: A descriptor of its network namespace, such as `/proc/PID/ns/net`. Stays the caller's, who keeps it
    ///     open until this returns. Loopback is up in it afterwards.
    ///   - policy: Whom it may reach.
    /// - Returns: What the sandbox has to be told.
    /// - Throws: ``Failure``: `invalidArgument` for an allow-list that cannot be read or asks for what nobody may have,
    ///   `isolationRefused` where this machine cannot hold a sandbox to its policy, `infraFailed` for everything else.
    ///   Nothing of the attachment is left then.
    package func attach(
        _ id: SandboxID, namespace: Int32, policy: NetworkPolicy
    ) async throws(Failure) -> NetworkAttachment {
        guard policy == .none else { throw Failure(.isolationRefused, "Networks are not built yet; use policy none.") }
        return .loopbackOnly
    }

    /// Takes over a running sandbox that a predecessor of this process attached, and holds it to `policy` again.
    ///
    /// - Throws: As ``attach(_:namespace:policy:)``; `infraFailed` when its interface is gone, and then it reaches nothing.
    @discardableResult
    package func adopt(_ id: SandboxID, policy: NetworkPolicy) async throws(Failure) -> NetworkAttachment {
        .loopbackOnly
    }

    /// Removes every interface and rule of this server's that no sandbox was attached or adopted with.
    package func sweep() async {}

    /// Listens for a sandbox's ports on the machine.
    ///
    /// - Parameters:
    ///   - id: The sandbox; more ports may be added by further calls.
    ///   - ports: Ports inside, each with the port of the machine's that it had before, or 0 for any free one. Where the
    ///     wanted port is taken, another is used.
    ///   - connect: Connects to a port inside and hands the descriptor over. Called for each connection.
    /// - Returns: Ports inside to ports of the machine's.
    /// - Throws: ``Failure`` `infraFailed` when nothing can be listened on; then none of `ports` is.
    package func publish(
        _ id: SandboxID, ports: [UInt16: UInt16],
        connect: @escaping @Sendable (UInt16) async throws(Failure) -> OwnedDescriptor
    ) async throws(Failure) -> [UInt16: UInt16] {
        [:]
    }

    /// Takes away a sandbox's network and its published ports. That it has none is no failure.
    package func release(_ id: SandboxID) async {}

    /// Bytes and packets since the sandbox was attached; zeros where it has no network.
    package func statistics(_ id: SandboxID) -> NetworkStatistics { NetworkStatistics() }

    /// Whether sandboxes can have networks here, for the doctor.
    package func examine() async -> [DriverReport.Finding] { [] }

    /// Stops answering and listening. Sandboxes keep their networks; where none is left, neither is anything of the
    /// fabric's.
    package func shutDown() async {}
}
