import GEM
import Glibc
import Testing
import Transport

@testable import SandboxHost

/// What hostile or many sandboxes do to the network.
@Suite(.serialized) struct NetworkLimitTests {
    @Test func dropsBorrowedAddresses() async throws {
        let world = try FakeInternet()
        let fabric = try world.makeFabric()
        let sandbox = try Namespace()
        let own = try await fabric.attach(.named("liar"), namespace: sandbox.descriptor, policy: .outbound)
        let receiver = try world.internet.socket(.datagram)
        try InternetAddress.bind(receiver.rawValue, IPv4(0), 9)
        var links = try LinkSocket(in: sandbox.descriptor)
        let gateway = try #require(IPv4(own.nameServer))
        let neighbour = IPv4(try #require(IPv4(own.address ?? "")).rawValue + 1)
        try links.connect("eth0", own: neighbour, to: gateway, isDefault: false)
        // The last one is true; packets do not overtake each other here.
        for (source, text) in [(neighbour, "neighbour"), (try #require(IPv4(own.address ?? "")), "own")] {
            let sender = try sandbox.socket(.datagram)
            try InternetAddress.bind(sender.rawValue, source, 0)
            try InternetAddress.connect(sender.rawValue, try #require(IPv4("203.0.113.10")), 9)
            #expect(send(sender.rawValue, text, text.utf8.count, 0) == text.utf8.count)
        }
        var poll = pollfd(fd: receiver.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(Glibc.poll(&poll, 1, 5000) == 1)
        var buffer = [UInt8](repeating: 0, count: 64)
        var count = 0
        let sender = InternetAddress.endpoint {
            count = recvfrom(receiver.rawValue, &buffer, buffer.count, 0, $0, $1)
            return Int32(count)
        }
        #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "own")
        #expect(sender?.0 == FakeInternet.machineAddress, "outside it bears the machine's address")
        try await fabric.release(.named("liar"))
        try await fabric.shutDown()
    }

    @Test func holdsToTheNumberOfFlows() async throws {
        let world = try FakeInternet()
        let fabric = try world.makeFabric { $0.maximumFlows = 3 }
        let sandbox = try Namespace()
        _ = try await fabric.attach(.named("greedy"), namespace: sandbox.descriptor, policy: .outbound)
        let listener = try world.internet.listen(80)
        var open: [Int32] = []
        defer { for descriptor in open { close(descriptor) } }
        for _ in 0..<3 {
            let (outcome, descriptor) = try sandbox.connection("203.0.113.10", 80)
            #expect(outcome == .connected)
            open.append(descriptor)
        }
        #expect(try sandbox.connection("203.0.113.10", 80, patience: 300).0 == .silence)
        _ = listener.rawValue
        try await fabric.release(.named("greedy"))
        try await fabric.shutDown()
    }

    @Test func refusesOthersOnTheirWayThrough() async throws {
        let world = try FakeInternet()
        let fabric = try world.makeFabric()
        let sandbox = try Namespace()
        let own = try await fabric.attach(.named("one"), namespace: sandbox.descriptor, policy: .outbound)
        let listener = try sandbox.listen(80)
        // The machine forwards for sandboxes only: neither to them, nor from outside to outside.
        var links = try LinkSocket(in: world.internet.descriptor)
        let machine = FakeInternet.machineAddress
        for target in [own.address ?? "", "192.0.2.77"] {
            let address = try #require(IPv4(target))
            try links.connect("eth0", own: try #require(IPv4("203.0.113.2")), to: address, isDefault: false)
            try links.connect("eth0", own: try #require(IPv4("203.0.113.2")), to: machine, isDefault: false)
            #expect(try world.internet.connection(target, 80, patience: 300).0 != .connected, "\(target)")
        }
        _ = listener.rawValue
        try await fabric.release(.named("one"))
        try await fabric.shutDown()
    }

    @Test func leavesNothingBehind() async throws {
        let world = try FakeInternet()
        let fabric = try world.makeFabric()
        let before = KernelFile.names(in: "/proc/self/fd").count
        var times: [Duration] = []
        var namespaces: [Namespace] = []
        for index in 0..<200 {
            let namespace = try Namespace()
            namespaces.append(namespace)
            let policy: NetworkPolicy = index % 2 == 0 ? .outbound : .allow(["example.org:443", "203.0.113.0/24:80"])
            times.append(
                try await ContinuousClock().measure {
                    _ = try await fabric.attach(
                        .named("many-\(index)"), namespace: namespace.descriptor, policy: policy)
                })
        }
        times.sort()
        print("attach: p50 \(times[100]), p99 \(times[198])")
        await #expect(throws: Failure.self, "attached already") {
            try await fabric.attach(.named("many-0"), namespace: namespaces[0].descriptor, policy: .outbound)
        }
        let release = try await ContinuousClock().measure {
            for index in 0..<200 { try await fabric.release(.named("many-\(index)")) }
        }
        print("release: \(release / 200) each")
        namespaces = []
        var links = try LinkSocket(in: world.machine.descriptor)
        #expect(try links.interfaces().filter { $0.name.hasPrefix("rock") }.isEmpty)
        #expect(try links.routes().filter { $0.destination.first.rawValue >> 24 == 10 }.count == 0)
        try await fabric.shutDown()
        #expect(try FilterTables.chains(in: world.machine.descriptor).isEmpty)
        #expect(KernelFile.names(in: "/proc/self/fd").count <= before + 1)
    }

    @Test func saysWhatItCannotDo() async throws {
        let world = try FakeInternet()
        let fabric = try world.makeFabric()
        let findings = await fabric.examine()
        #expect(findings.map(\.works) == [true, true, true], "\(findings)")
        // No namespace at all: nothing is left of the attempt.
        await #expect(throws: Failure.self) {
            try await fabric.attach(.named("nowhere"), namespace: 0, policy: .outbound)
        }
        try await fabric.shutDown()
        #expect(try FilterTables.chains(in: world.machine.descriptor).isEmpty)
        #expect(try await fabric.attach(.named("none"), namespace: -1, policy: .none) == .loopbackOnly)
    }
}
