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
            #expect(try await sandbox.shell("cut -c1-11 /etc/resolv.conf | head -1") == "nameserver ")
            #expect(try await sandbox.shell("getent hosts $(hostname) | cut -d' ' -f1") == "127.0.1.1")

            try await driver.stop(sandbox.id, grace: .seconds(5))
            try await expectReach(try await driver.restart(specification) { _ in })

            driver.release()
            let successor = DockerDriver(driver.configuration, network: try world.makeFabric(), loops: testLoops)
            guard case .running(let again, _) = try await successor.adopt().first else {
                Issue.record("it was not found again")
                return
            }
            try await expectReach(again)
            try await successor.remove(again.id)
        }
        try await fabric.shutDown()
        #expect(listener.rawValue >= 0)
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
