import GEM
import Glibc
import Testing
import Transport

@testable import SandboxHost

/// Whom a sandbox reaches under each policy, tried with real packets.
@Suite(.serialized) struct ReachTests {
    /// One attempt by a sandbox with a policy.
    struct Attempt: CustomTestStringConvertible {
        let policy: NetworkPolicy
        let host: String
        let port: UInt16
        let isReached: Bool
        let why: String
        var testDescription: String { why }

        init(_ policy: NetworkPolicy, _ host: String, _ port: UInt16, _ isReached: Bool, _ why: String) {
            (self.policy, self.host, self.port, self.isReached, self.why) = (policy, host, port, isReached, why)
        }
    }

    static let one = NetworkPolicy.allow(["203.0.113.10", "198.51.100.0/24:8080"])
    static let attempts: [Attempt] = [
        Attempt(.outbound, "203.0.113.10", 80, true, "outside"),
        Attempt(.outbound, "10.9.8.7", 80, true, "a private address outside this machine"),
        Attempt(.outbound, "203.0.113.1", 80, false, "the machine's outer address"),
        Attempt(.outbound, "GATEWAY", 80, false, "the machine's end"),
        Attempt(.outbound, "NEIGHBOUR", 80, false, "another sandbox"),
        Attempt(.outbound, "169.254.169.254", 80, false, "metadata"),
        Attempt(.outbound, "100.100.100.200", 80, false, "Alibaba's metadata"),
        Attempt(.outbound, "168.63.129.16", 80, false, "Azure's wire server"),
        Attempt(.outbound, "192.0.0.192", 80, false, "Oracle's metadata"),
        Attempt(.outbound, "203.0.113.11", 80, false, "what the operator forbids"),
        Attempt(one, "203.0.113.10", 80, true, "an allowed address"),
        Attempt(one, "203.0.113.10", 8080, true, "any port of it"),
        Attempt(one, "198.51.100.7", 8080, true, "an allowed network's port"),
        Attempt(one, "198.51.100.7", 80, false, "another port of it"),
        Attempt(one, "203.0.113.53", 80, false, "what is not on the list"),
        Attempt(one, "10.9.8.7", 80, false, "a private address that is not on the list"),
        Attempt(one, "203.0.113.1", 80, false, "the machine, with a list"),
        Attempt(one, "NEIGHBOUR", 80, false, "another sandbox, with a list"),
        Attempt(.allow(["0.0.0.0/0"]), "203.0.113.10", 80, true, "a list of everything"),
        Attempt(.allow(["0.0.0.0/0"]), "169.254.169.254", 80, false, "metadata, with a list of everything"),
        Attempt(.allow(["0.0.0.0/0"]), "203.0.113.1", 80, false, "the machine, with a list of everything"),
        Attempt(.allow(["0.0.0.0/0"]), "NEIGHBOUR", 80, false, "another sandbox, with a list of everything"),
        Attempt(.allow([]), "203.0.113.10", 80, false, "anything, with an empty list"),
    ]

    @Test func reachesWhatItsPolicySays() async throws {
        let world = try FakeInternet()
        let fabric = try world.makeFabric { $0.forbiddenNetworks = ["203.0.113.11/32"] }
        let neighbour = try Namespace()
        let other = try await fabric.attach(.named("neighbour"), namespace: neighbour.descriptor, policy: .outbound)
        let listeners = try [world.internet, world.machine, neighbour].flatMap { place in
            try [80, 8080].map { try place.listen($0).release() }
        }
        defer { for listener in listeners { close(listener) } }
        for (index, attempt) in Self.attempts.enumerated() {
            let id = SandboxID.named("sandbox-\(index)")
            let sandbox = try Namespace()
            let own = try await fabric.attach(id, namespace: sandbox.descriptor, policy: attempt.policy)
            let host =
                switch attempt.host {
                case "GATEWAY": String(own.resolverConfiguration.split(separator: "\n")[0].split(separator: " ")[1])
                case "NEIGHBOUR": other.address ?? ""
                default: attempt.host
                }
            let outcome = try sandbox.connect(host, attempt.port)
            #expect(outcome == (attempt.isReached ? .connected : .failed(EHOSTUNREACH)), "\(attempt.why): \(host)")
            try await fabric.release(id)
        }
        try await fabric.release(.named("neighbour"))
        try await fabric.shutDown()
        #expect(try FilterTables.chains(in: world.machine.descriptor).isEmpty)
    }
}
