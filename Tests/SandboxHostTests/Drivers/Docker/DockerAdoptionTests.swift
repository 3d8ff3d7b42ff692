import GEM
import Glibc
import Testing

@testable import SandboxHost

/// What a server's successor finds.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DockerAdoptionTests {
    @Test func findsEverySandboxAgain() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let living = SandboxSpecification.test { $0.environment = ["A": "b"] }
            let killed = SandboxSpecification.test()
            let removed = SandboxSpecification.test()
            let (sandbox, _) = try await driver.startForTest(living)
            let (victim, _) = try await driver.startForTest(killed)
            _ = try await driver.startForTest(removed)
            _ = try await sandbox.shell("echo before > /tmp/mark")
            driver.release()

            // While no server runs:
            let raw = try driver.testEngine()
            try await raw.perform(
                EngineCall("DELETE", "/containers/\(driver.containerName(removed.id))", query: [("force", "true")]))
            kill(victim.process, SIGKILL)
            _ = try await raw.json(EngineCall("POST", "/containers/\(driver.containerName(killed.id))/wait"))
            // A start that was cut off left a container without a state, another a folder without a container.
            let cut = SandboxSpecification.test()
            let run = RunFolder(state: driver.folder(cut.id))
            _ = try run.make(isOpen: false)
            let request = ContainerRequest(
                specification: cut, server: driver.configuration.serverName, image: sandbox.imageDigest,
                runFolder: run.path, rocklet: driver.configuration.rockletPath, descriptors: nil, labelsFiles: false,
                limitsDisk: false, resolverFile: nil)
            _ = try await raw.json(
                EngineCall(
                    "POST", "/containers/create", query: [("name", driver.containerName(cut.id))], body: request.json))
            _ = try RunFolder(state: driver.folder(.random())).make(isOpen: false)
            // Somebody else's container with our labels, as an image made of a sandbox would give it.
            let foreign = "foreign-\(SandboxID.random())"
            _ = try await raw.json(
                EngineCall("POST", "/containers/create", query: [("name", foreign)], body: request.json))

            let successor = DockerDriver(driver.configuration, loops: testLoops)
            let found = try await successor.adopt()
            #expect(found.count == 3)
            for one in found {
                switch one {
                case .running(let again, let specification):
                    #expect(specification == living)
                    #expect(again.isolation == sandbox.isolation)
                    #expect(again.process == sandbox.process)
                    #expect(try await again.shell("cat /tmp/mark") == "before")
                case .ended(let id, let end, let isRestartable):
                    #expect(id == killed.id || id == removed.id)
                    #expect(isRestartable == (id == killed.id))
                    #expect(end.signal == (id == killed.id ? SIGKILL : nil))
                }
            }
            let left = try await engine.containers(of: driver.configuration)
            #expect(Set(left) == [driver.containerName(living.id), driver.containerName(killed.id), foreign])
            try await successor.removeContainer(foreign)

            let again = try await successor.restart(killed) { _ in }
            #expect(try await again.shell("echo alive") == "alive")
            async let end = again.ended()
            try await successor.stop(killed.id, grace: .seconds(1))
            #expect(await end.reason == "The sandbox was stopped.")
            successor.release()
        }
    }

    @Test func findsNothingWhereThereIsNoEngine() async throws {
        try await withFolder { folder in
            var configuration = DockerConfiguration(sandboxesFolder: folder, rockletPath: "/nowhere")
            configuration.socket = "/nowhere/engine.sock"
            let driver = DockerDriver(configuration, loops: testLoops)
            #expect(try await driver.adopt().isEmpty)

            // With sandboxes on record, an engine that is down is no reason to forget them.
            let id = SandboxID.random()
            let state = StateFolder(id, in: folder)
            try #require(mkdir(state.path, 0o700) == 0)
            try state.write(
                StateFolder.State(
                    driver: "docker",
                    specification: SandboxSpecification(id: id, image: "a", limits: .init(memoryBytes: 1, cpus: 1))))
            let failure = await failure { _ = try await driver.adopt() }
            #expect(failure?.kind == .infraFailed)
            #expect(state.read() != nil)
            #expect(FolderTree.remove(state.path) == 0)
        }
    }
}
