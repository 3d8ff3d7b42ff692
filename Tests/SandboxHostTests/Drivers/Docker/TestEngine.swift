import GEM
import Glibc
import Synchronization
import Testing
import Transport

@testable import SandboxHost

/// A real engine of the tests' own, Podman unless `ROCK_TEST_ENGINE` says `docker`, with two registries: one that lets in everybody, one that wants a password.
final class TestEngine: Sendable {
    static let user = "trainer"
    static let password = "p+ss/w?rd\"é"

    static let product = getenv("ROCK_TEST_ENGINE").map { String(cString: $0) } ?? "podman"

    let socket: String
    let openRegistry: String
    let lockedRegistry: String
    private let programs: [FixtureProgram]

    /// The one that all tests of this process share. It ends with the process.
    static func shared() async throws -> TestEngine {
        let task = starting.withLock { starting in
            let task = starting ?? Task { try await TestEngine() }
            starting = task
            return task
        }
        return try await task.value
    }

    private static let starting = Mutex<Task<TestEngine, any Error>?>(nil)

    private init() async throws {
        let build = FixtureProgram.package + "/.build"
        async let first = FixtureProgram("run-test-registry", ["\(build)/test-registry-open"])
        async let second = FixtureProgram(
            "run-test-registry", ["\(build)/test-registry-locked", Self.user, Self.password])
        let (open, locked) = try await (first, second)
        let engine = try await FixtureProgram(
            "run-test-\(Self.product)", ["\(build)/test-\(Self.product)", open.address, locked.address])
        socket = engine.address
        openRegistry = open.address
        lockedRegistry = locked.address
        programs = [open, locked, engine]
    }

    /// A driver with a folder for its sandboxes. Afterwards every sandbox it made is removed, and nothing may be left.
    func withDriver<Result>(
        network: NetworkFabric? = nil, _ change: (inout DockerConfiguration) -> Void = { _ in },
        _ body: (DockerDriver) async throws -> Result
    ) async throws -> Result {
        let folder = "/tmp/rock-docker-\(SandboxID.random().rawValue.prefix(12))"
        try #require(mkdir(folder, 0o700) == 0)
        var configuration = DockerConfiguration(
            sandboxesFolder: folder, rockletPath: "\(buildFolder)/rocklet")
        configuration.socket = socket
        configuration.startLimit = .seconds(30)
        change(&configuration)
        let driver = DockerDriver(configuration, network: network, loops: testLoops)
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(driver)) } catch { result = .failure(error) }
        for state in StateFolder.all(in: folder) { try await driver.remove(state.id) }
        driver.release()
        #expect(KernelFile.names(in: folder) == [])
        #expect(try await containers(of: configuration) == [])
        rmdir(folder)
        return try result.get()
    }

    /// The names of the containers that carry a server's label.
    func containers(of configuration: DockerConfiguration) async throws -> [String] {
        let engine = Engine(EngineSocket(path: socket, origin: "test"), on: testLoops.loops[0])
        let list = try ListedContainer.list(
            try await engine.json(EngineCall("GET", "/containers/json", query: [("all", "true")])))
        return list.filter { $0.labels[ContainerRequest.Label.server] == configuration.serverName }.map(\.name)
    }
}

extension DockerDriver {
    /// Its configuration's engine, for what the driver itself has no words for.
    func testEngine() throws -> Engine { try engine() }

    func startForTest(_ specification: SandboxSpecification) async throws -> (RunningSandbox, [StartStep]) {
        let steps = Record<StartStep>()
        let sandbox = try await start(specification) { steps.add($0) }
        return (sandbox, steps.elements)
    }
}

extension SandboxSpecification {
    /// A small sandbox with an id of its own.
    static func test(
        image: String = "python:3.11", _ change: (inout SandboxSpecification) -> Void = { _ in }
    ) -> SandboxSpecification {
        var specification = SandboxSpecification(
            id: .random(), image: image, limits: SandboxLimits(memoryBytes: 256 << 20, cpus: 1))
        specification.pull = .never
        change(&specification)
        return specification
    }
}

extension RunningSandbox {
    /// Asks the rocklet inside.
    func call(_ path: String, _ body: JSON) async throws -> JSON {
        let client = HTTPClient(.unix(path: agent.http), on: testLoops.loops[1])
        let response = try await client.send(
            HTTPClientRequest(
                "POST", path, headers: [HTTPField("Content-Type", "application/json")], body: body.serialized))
        guard response.status == .ok else {
            throw Failure(.infraFailed, String(decoding: response.body, as: UTF8.self))
        }
        return try JSON(parsing: response.body.span)
    }

    /// What a shell command inside prints, without blanks around it.
    func shell(_ command: String) async throws -> String {
        let answer = try await call("/execute", ["command": .string(command), "shell": true, "timeout": 60])
        let output = (answer["stdout"]?.string ?? "") + (answer["stderr"]?.string ?? "")
        return output.split(whereSeparator: \.isNewline).joined(separator: "\n")
    }
}
