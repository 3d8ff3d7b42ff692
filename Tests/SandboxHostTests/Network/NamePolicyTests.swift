import GEM
import Glibc
import Testing
import Transport

@testable import SandboxHost

/// Allow-lists of names: what is told, what is opened by it, and what becomes of it when the server is killed.
@Suite(.serialized) struct NamePolicyTests {
    static let policy = NetworkPolicy.allow(["allowed.example:80", "*.wild.example"])

    @Test func opensWhatAllowedNamesLeadTo() async throws {
        let world = try FakeInternet()
        let server = try await FakeNameServer(world, on: testLoops.loops[1])
        let fabric = try world.makeFabric()
        let sandbox = try Namespace()
        let own = try await fabric.attach(.named("one"), namespace: sandbox.descriptor, policy: Self.policy)
        let listeners = try [80, 8080].map { try world.internet.listen($0).release() }
        defer { for listener in listeners { close(listener) } }

        #expect(try sandbox.connect("203.0.113.10", 80) == .failed(EHOSTUNREACH), "before its name was looked up")
        let cases: [(name: String, kind: UInt16, outcome: UInt8, address: String?)] = [
            ("allowed.example", 1, 0, "203.0.113.10"), ("ALLOWED.example", 1, 0, "203.0.113.10"),
            ("allowed.example", 28, 0, nil), ("allowed.example", 16, 0, nil),
            ("denied.example", 1, 3, nil), ("edge.example", 1, 3, nil), ("wild.example", 1, 3, nil),
            ("notwild.example", 1, 3, nil), ("deep.wild.example", 1, 0, "198.51.100.7"),
            ("big.wild.example", 1, 0, "203.0.113.11"), ("rebound.wild.example", 1, 0, nil),
            ("none.wild.example", 1, 3, nil),
        ]
        for (name, kind, outcome, address) in cases {
            let answer = try #require(try sandbox.lookUp(name, kind: kind, at: own.nameServer), "\(name): no answer")
            #expect(answer.outcome == outcome, "\(name)")
            #expect(answer.addresses.map(\.description) == (address.map { [$0] } ?? []), "\(name)")
        }
        // Nobody was asked about names that are not allowed, and about each of the others once.
        #expect(
            server.asked.elements == [
                "allowed.example", "deep.wild.example", "big.wild.example", "big.wild.example by stream",
                "rebound.wild.example", "none.wild.example",
            ])
        #expect(try sandbox.connect("203.0.113.10", 80) == .connected)
        #expect(try sandbox.connect("203.0.113.10", 8080) == .failed(EHOSTUNREACH), "a port that is not on the list")
        #expect(try sandbox.connect("198.51.100.7", 8080) == .connected)
        #expect(try sandbox.connect("203.0.113.53", 80) == .failed(EHOSTUNREACH), "the name server itself")
        #expect(try await fabric.statistics(.named("one")).refusedNames == 4)
        #expect(try await fabric.statistics(.named("one")).sentBytes > 500)

        try await fabric.release(.named("one"))
        try await fabric.shutDown()
        try await server.stop()
    }

    @Test func outlivesTheServer() async throws {
        let world = try FakeInternet()
        let server = try await FakeNameServer(world, on: testLoops.loops[1])
        let first = try world.makeFabric()
        let (sandbox, orphan) = (try Namespace(), try Namespace())
        let own = try await first.attach(.named("kept"), namespace: sandbox.descriptor, policy: Self.policy)
        _ = try await first.attach(.named("orphan"), namespace: orphan.descriptor, policy: .outbound)
        let dead = SandboxID.named("dead")
        do {
            // Its namespace goes with the last reference, and its interface with it.
            let gone = try Namespace()
            _ = try await first.attach(dead, namespace: gone.descriptor, policy: .outbound)
        }
        let listener = try world.internet.listen(80)
        _ = try sandbox.lookUp("allowed.example", at: own.nameServer)
        let (outcome, connection) = try sandbox.connection("203.0.113.10", 80)
        #expect(outcome == .connected)
        defer { close(connection) }
        // As much of a kill as one process can do to itself: what is in the kernel stays.
        try await first.shutDown()
        #expect(try sandbox.connect("203.0.113.10", 80) == .connected, "without a server")
        #expect(try sandbox.connect("198.51.100.7", 80) == .failed(EHOSTUNREACH), "without a server")

        let second = try world.makeFabric()
        try await second.start()
        let again = try await second.adopt(.named("kept"), policy: Self.policy)
        #expect(again == own)
        await #expect(throws: Failure.self) { try await second.adopt(.named("stranger"), policy: .outbound) }
        try await second.sweep()
        #expect(try orphan.connect("203.0.113.10", 80) == .failed(ENETUNREACH), "what nobody adopted has no network")
        #expect(try sandbox.lookUp("deep.wild.example", at: own.nameServer)?.addresses.count == 1)
        // The connection of before still carries.
        let accepted = accept(listener.rawValue, nil, nil)
        #expect(send(accepted, "x", 1, 0) == 1)
        var poll = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
        #expect(Glibc.poll(&poll, 1, 5000) == 1)
        close(accepted)
        var links = try LinkSocket(in: world.machine.descriptor)
        #expect(try links.interfaces().filter { $0.name.hasPrefix("rock") }.count == 1)
        #expect(
            try FilterTables.chains(in: world.machine.descriptor).filter { $0.name.hasPrefix("sandbox-") }.count == 1)

        try await second.release(.named("kept"))
        try await second.shutDown()
        #expect(try FilterTables.chains(in: world.machine.descriptor).isEmpty)
        try await server.stop()
    }
}
