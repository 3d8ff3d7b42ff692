import GEM
import Glibc
import Testing

@testable import SandboxHost

/// Images of a real Podman and two real registries.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DockerImageTests {
    private static let credentials = RegistryCredentials(username: TestEngine.user, password: TestEngine.password)

    @Test(arguments: [false, true])
    func commitsPushesAndPulls(_ isLocked: Bool) async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let registry = isLocked ? engine.lockedRegistry : engine.openRegistry
            let credentials = isLocked ? Self.credentials : nil
            let tag = "\(registry)/team/made:\(isLocked ? "locked" : "open")"
            let (sandbox, _) = try await driver.startForTest(
                .test(image: "nobash:1") { $0.labels = ["a": "b"] })
            _ = try await sandbox.shell("echo made > /root/mark")
            let image = try await driver.commit(sandbox.id, tag: tag, push: true, credentials: credentials)
            #expect(image.name == tag)
            #expect(image.wasPushed)
            #expect(image.digest.hasPrefix("sha256:"))
            let raw = try driver.testEngine()
            let config = try await raw.json(EngineCall("GET", "/images/\(tag)/json"))["Config"]
            // It is no sandbox, and starts like the image that the sandbox was made from.
            #expect(config?["Entrypoint"]?.array ?? [] == [])
            #expect(config?["Labels"]?[ContainerRequest.Label.server]?.string ?? "" == "")

            if isLocked {
                let failure = await failure {
                    try await driver.prepare(
                        image: tag, pull: .always, credentials: .init(username: TestEngine.user, password: "wrong")
                    ) { _ in }
                }
                #expect(failure?.message.hasPrefix("Failed to pull image \(tag).") == true)
                #expect(failure?.message.contains(TestEngine.password) == false)
            }
            try await raw.perform(EngineCall("DELETE", "/images/\(tag)", query: [("force", "true")]))
            let specification = SandboxSpecification.test(image: tag) {
                $0.pull = .missing
                $0.credentials = credentials
            }
            let (again, steps) = try await driver.startForTest(specification)
            #expect(steps.contains(.imageReady(message: "image pull success")))
            #expect(try await again.shell("cat /root/mark") == "made")
            // Everybody who asks at once gets the one pull.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await driver.prepare(image: tag, pull: .always, credentials: credentials) { _ in }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func namesTheStageThatFailed() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let (sandbox, _) = try await driver.startForTest(.test(image: "nobash:1"))
            let wrong = RegistryCredentials(username: TestEngine.user, password: "wrong")
            let table: [(tag: String, credentials: RegistryCredentials?, id: SandboxID, stage: String)] = [
                ("Not A Tag", nil, sandbox.id, "commit: "), ("a:1", nil, .random(), "commit: "),
                ("\(engine.lockedRegistry)/a:1", wrong, sandbox.id, "login: "),
                ("\(engine.lockedRegistry)/a:1", nil, sandbox.id, "push: "),
            ]
            for row in table {
                let failure = await failure {
                    _ = try await driver.commit(row.id, tag: row.tag, push: true, credentials: row.credentials)
                }
                #expect(failure?.message.hasPrefix(row.stage) == true, "\(failure?.message ?? "none")")
            }
        }
    }

    @Test func saysWhyAnImageCannotBePulled() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            for (image, pull, kind) in [
                ("\(engine.openRegistry)/nosuch:1", PullPolicy.missing, Failure.Kind.infraFailed),
                ("nosuch:2", .always, .infraFailed), ("nosuch:3", .never, .notFound),
            ] {
                let failure = await failure {
                    try await driver.prepare(image: image, pull: pull, credentials: nil) { _ in }
                }
                #expect(failure?.kind == kind)
                #expect(failure?.message.hasPrefix("Failed to pull image \(image). ") == true)
            }
        }
    }
}
