import GEM
import Glibc
import Testing
import Transport

@testable import SandboxHost

/// A machine and an internet that are network namespaces of their own: nothing outside notices.
///
/// The machine has `wan0` with 203.0.113.1 and, behind it, every address of ``FakeInternet/addresses``. Sockets of any of
/// these places can be opened from the tests' process, so that no program has to run there.
final class FakeInternet: Sendable {
    static let machineAddress = IPv4(0xCB00_7101)
    /// The first is the router's.
    static let addresses = ["203.0.113.2", "203.0.113.10", "203.0.113.11", "203.0.113.53", "198.51.100.7", "10.9.8.7"]
    /// What nobody may reach is there too: a refusal must be the rules' doing.
    static let traps = ["169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "240.1.2.3"]

    let machine: Namespace
    let internet: Namespace

    init() throws {
        machine = try Namespace()
        internet = try Namespace()
        var links = try LinkSocket(in: machine.descriptor)
        try links.raiseLoopback()
        try links.addPair("wan0", peer: "eth0", in: internet.descriptor, mtu: 1400)
        try links.raise("wan0")
        let router = try #require(IPv4(Self.addresses[0]))
        try links.connect("wan0", own: Self.machineAddress, to: router, isDefault: true)
        var inside = try LinkSocket(in: internet.descriptor)
        try inside.raiseLoopback()
        try inside.raise("eth0")
        for address in (Self.addresses + Self.traps).compactMap({ IPv4($0) }) {
            try inside.connect("eth0", own: address, to: Self.machineAddress, isDefault: false)
        }
    }

    /// A fabric for the machine.
    func makeFabric(
        _ dataDirectory: String = "/data", _ change: (inout NetworkConfiguration) -> Void = { _ in }
    ) throws -> NetworkFabric {
        var configuration = NetworkConfiguration(dataDirectory: dataDirectory)
        configuration.machine = machine.descriptor
        configuration.nameServers = ["203.0.113.53"]
        change(&configuration)
        return try NetworkFabric(configuration, on: testLoops.loops[0])
    }
}

/// A network namespace, gone with the last reference to it.
final class Namespace: Sendable {
    let descriptor: Int32

    init() throws { descriptor = try NetworkNamespace.make().release() }

    deinit { close(descriptor) }

    /// What came of connecting to an address.
    enum Outcome: Equatable {
        case connected
        case failed(Int32)
        /// Neither in two seconds.
        case silence
    }

    func socket(_ kind: NetworkNamespace.Kind = .stream) throws -> OwnedDescriptor {
        try NetworkNamespace.socket(kind, in: descriptor)
    }

    /// A socket that listens on every address here: the kernel answers for it.
    func listen(_ port: UInt16) throws -> OwnedDescriptor {
        let socket = try socket()
        try Self.with(IPv4(0), port) { address, length in
            try #require(bind(socket.rawValue, address, length) == 0, "bind: \(errno)")
        }
        try #require(Glibc.listen(socket.rawValue, 64) == 0)
        return socket
    }

    /// Connects by TCP.
    func connect(_ host: String, _ port: UInt16, patience: Int32 = 2000) throws -> Outcome {
        try connection(host, port, patience: patience).0
    }

    func connection(_ host: String, _ port: UInt16, patience: Int32 = 2000) throws -> (Outcome, Int32) {
        let socket = try socket()
        let address = try #require(IPv4(host))
        let started = Self.with(address, port) { Glibc.connect(socket.rawValue, $0, $1) }
        if started != 0, errno != EINPROGRESS { return (.failed(errno), -1) }
        var poll = pollfd(fd: socket.rawValue, events: Int16(POLLOUT), revents: 0)
        guard Glibc.poll(&poll, 1, patience) == 1 else { return (.silence, -1) }
        var error: Int32 = 0
        var length = socklen_t(4)
        getsockopt(socket.rawValue, SOL_SOCKET, SO_ERROR, &error, &length)
        return error == 0 ? (.connected, socket.release()) : (.failed(error), -1)
    }

    static func with<Result>(
        _ address: IPv4, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) rethrows -> Result {
        var form = sockaddr_in()
        form.sin_family = sa_family_t(AF_INET)
        form.sin_port = port.bigEndian
        form.sin_addr.s_addr = address.rawValue.bigEndian
        return try withUnsafePointer(to: form) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

extension SandboxID {
    static func named(_ name: String) -> SandboxID { SandboxID(rawValue: name) ?? .random() }
}
