import GEM
import Glibc
import Testing
import Transport

@testable import SandboxHost

/// Containers that this machine connects, and not the engine.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DockerNetworkTests {
    private static let open = "203.0.113.10"
    private static let shut = "203.0.113.11"

    @Test func holdsASandboxToItsList() async throws {
        let engine = try await TestEngine.shared()
        let world = try FakeInternet()
        let listener = try world.internet.listen(80)
        let fabric = try world.makeFabric()
        try await engine.withDriver(network: fabric) { driver in
            let specification = SandboxSpecification.test { $0.network = .allow(["\(Self.open)/32"]) }
            let (sandbox, _) = try await driver.startForTest(specification)
            let isolation = try JSON(parsing: sandbox.isolation.span)
            #expect(isolation["walls"]?["network_policy"] == true)
            try await expectReach(sandbox)
            try await expectPorts(sandbox, world)
            #expect(try await sandbox.shell("cut -c1-11 /etc/resolv.conf | head -1") == "nameserver ")
            #expect(try await sandbox.shell("getent hosts $(hostname) | cut -d' ' -f1") == "127.0.1.1")

            try await driver.stop(sandbox.id, grace: .seconds(5))
            let restarted = try await driver.restart(specification) { _ in }
            #expect(restarted.ports == sandbox.ports)
            try await expectReach(restarted)

            driver.release()
            let successor = DockerDriver(driver.configuration, network: try world.makeFabric(), loops: testLoops)
            guard case .running(let again, _) = try await successor.adopt().first else {
                Issue.record("it was not found again")
                return
            }
            try await expectReach(again)
            // Its predecessor in this process still listens on the old ones.
            #expect(again.ports.keys == sandbox.ports.keys)
            try await successor.remove(again.id)
        }
        try await fabric.shutDown()
        #expect(listener.rawValue >= 0)
    }

    /// The rocklet itself listens on 22555 inside.
    private func expectPorts(_ sandbox: RunningSandbox, _ world: FakeInternet) async throws {
        #expect(Set(sandbox.ports.keys) == [22, 8080, 22555])
        let port = try #require(sandbox.ports[22555])
        let outcome = try await BlockingPool.run { try world.machine.connect("127.0.0.1", port) }
        #expect(outcome == .connected)
    }

    private func expectReach(_ sandbox: RunningSandbox) async throws {
        for (host, isReached) in [(Self.open, true), (Self.shut, false), ("203.0.113.1", false)] {
            let answer = try await sandbox.shell(
                "python3 -c 'import socket; socket.create_connection((\"\(host)\", 80), 5)' 2>/dev/null && echo yes || echo no"
            )
            #expect(answer == (isReached ? "yes" : "no"), "\(host)")
        }
    }
}
