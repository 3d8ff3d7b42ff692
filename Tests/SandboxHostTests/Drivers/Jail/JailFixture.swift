import CLinux
import GEM
import Glibc
import Images
import Synchronization
import Testing
import Transport

@testable import SandboxHost

/// The images that the tests start jails from, imported once and kept between runs: `python:3.11`, `nobash`, `empty`.
let testImages: Result<ImageStore, any Error> = Result {
    let folder = ".build/test-images"
    let store = try ImageStore(folder: "\(currentFolder)/\(folder)/store")
    for (name, file) in [("python:3.11", "python-3.11"), ("nobash:1", "nobash"), ("empty:1", "empty")] {
        if try store.resolve(name) != nil { continue }
        _ = try store.importRootFilesystem("\(currentFolder)/\(folder)/\(file).tar", name: name)
    }
    return store
}

private var currentFolder: String {
    var path = [UInt8](repeating: 0, count: 4096)
    return getcwd(&path, path.count) == nil ? "/" : String(decoding: path.prefix { $0 != 0 }, as: UTF8.self)
}

/// A driver in a data directory of its own, and what it takes to start it once more as a server does that was killed.
struct JailBench {
    let driver: JailDriver
    let folder: String
    let configuration: JailConfiguration

    func specification(
        _ image: String = "python:3.11", _ change: (inout SandboxSpecification) -> Void = { _ in }
    ) -> SandboxSpecification {
        var specification = SandboxSpecification(
            id: .random(), image: image, limits: SandboxLimits(memoryBytes: 512 << 20, cpus: 2))
        specification.publishedPorts = []
        change(&specification)
        return specification
    }

    func start(
        _ image: String = "python:3.11", _ change: (inout SandboxSpecification) -> Void = { _ in }
    ) async throws -> TestJail {
        let specification = specification(image, change)
        return TestJail(try await driver.start(specification) { _ in }, specification)
    }

    /// What is left of a sandbox on the machine: nothing, once it has been removed.
    func remains(of id: SandboxID) -> [String] {
        var remains = KernelFile.names(in: folder + "/sandboxes").filter { $0.contains(id.rawValue) }
        let mounts = CgroupMounts.current()
        for hierarchy in Array(mounts.v1.values) + [mounts.v2].compactMap({ $0 }) {
            let cgroup = "\(hierarchy.own)/\(configuration.cgroupName)/\(id)"
            if access(cgroup, F_OK) == 0 { remains.append(cgroup) }
        }
        for device in KernelFile.names(in: "/sys/block") {
            let file = KernelFile.read("/sys/block/\(device)/loop/backing_file") ?? ""
            if file.contains(id.rawValue) { remains.append(device) }
        }
        if (KernelFile.read("/proc/self/mountinfo") ?? "").contains(id.rawValue) { remains.append("a mount") }
        return remains
    }
}

/// A driver of its own; afterwards every sandbox is removed, and nothing of any may be left.
func withJails<Result>(
    _ change: (inout JailConfiguration) -> Void = { _ in }, _ body: (JailBench) async throws -> Result
) async throws -> Result {
    let folder = "/tmp/rock-jails-\(SandboxID.random().rawValue.prefix(12))"
    var configuration = JailConfiguration(dataDirectory: folder, rockletPath: "\(buildFolder)/rocklet")
    change(&configuration)
    let driver = try jailDriver(configuration)
    let bench = JailBench(driver: driver, folder: folder, configuration: configuration)
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(bench)) } catch { result = .failure(error) }
    for name in KernelFile.names(in: folder + "/sandboxes") {
        guard let id = SandboxID(rawValue: name) else { continue }
        try await driver.remove(id)
        #expect(bench.remains(of: id) == [])
    }
    await driver.shutDown()
    rock_tree_remove(folder)
    return try result.get()
}

func jailDriver(_ configuration: JailConfiguration) throws -> JailDriver {
    let network = try NetworkFabric(
        NetworkConfiguration(dataDirectory: configuration.dataDirectory), on: testLoops.next())
    let images = StoredImages(try testImages.get(), registries: RegistryConfiguration())
    return JailDriver(configuration, images: images, network: network, loops: testLoops)
}

/// A started jail and its rocklet.
struct TestJail: Sendable {
    let sandbox: RunningSandbox
    let specification: SandboxSpecification
    let agent: SandboxAgent

    var id: SandboxID { sandbox.id }

    init(_ sandbox: RunningSandbox, _ specification: SandboxSpecification) {
        self.sandbox = sandbox
        self.specification = specification
        agent = SandboxAgent(sandbox.agent, of: sandbox.id, on: testLoops.next())
    }

    struct Outcome: Equatable {
        var code: Int
        var output: String
        var errors: String
    }

    /// Runs a program inside to its end.
    @discardableResult
    func execute(_ command: [String], user: String? = nil, timeout: Int = 60) async throws -> Outcome {
        var body: JSON.Object = [
            "command": .array(command.map { .string($0) }), "timeout": .number(JSON.Number(timeout)),
        ]
        body["user"] = user.map { .string($0) }
        let reply = try await agent.call("POST", "/execute", body: JSON.object(body).serialized, timeout: .seconds(90))
        let json = try JSON(parsing: String(decoding: try reply.result(), as: UTF8.self))
        return Outcome(
            code: json["exit_code"]?.int ?? -1000, output: json["stdout"]?.string ?? "",
            errors: json["stderr"]?.string ?? "")
    }

    /// The output of a shell's script, without the last line feed.
    func shell(_ script: String, user: String? = nil) async throws -> String {
        let outcome = try await execute(["/bin/sh", "-c", script], user: user)
        let text = outcome.output + outcome.errors
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}
