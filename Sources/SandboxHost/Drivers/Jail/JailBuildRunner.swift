import CLinux
package import GEM
import Glibc
package import Images
import Synchronization
package import Transport

/// Runs the commands of an image's build, each in a jail of its own over the layers that there are so far.
///
/// The jails are no server's: they live in a folder of their own, beside a server on the same data directory and beside
/// other builds. Those that a build left which was killed are removed by the next one.
package final class JailBuildRunner: BuildRunner {
    private let driver: JailDriver
    private let layers = BuildLayers()
    private let network: NetworkPolicy
    private let loops: EventLoopGroup
    /// Keeps other builds out of the folder.
    private let lock: OwnedDescriptor

    /// How many builds can run on a data directory at a time.
    private static let slots = 32
    /// Above the ids that a server's jails get.
    private static let firstID: UInt32 = 0x8800_0000

    /// - Parameters:
    ///   - dataDirectory: The server's; absolute.
    ///   - rockletPath: The `rocklet` executable.
    ///   - network: Whom commands can reach.
    ///   - loops: Where ends are waited for.
    /// - Throws: ``Failure`` where no folder can be had, or too many builds run.
    package init(
        dataDirectory: String, rockletPath: String, network: NetworkPolicy, loops: EventLoopGroup
    ) throws(Failure) {
        let (slot, folder, lock) = try Self.takeSlot(dataDirectory + "/builds")
        self.lock = OwnedDescriptor(lock)
        var configuration = JailConfiguration(dataDirectory: folder, rockletPath: rockletPath)
        configuration.firstID = Self.firstID + UInt32(slot) * 4 * 65_536
        configuration.idRanges = 4
        driver = JailDriver(
            configuration, images: layers,
            network: try NetworkFabric(NetworkConfiguration(dataDirectory: folder), on: loops.next()), loops: loops)
        (self.network, self.loops) = (network, loops)
    }

    private static func takeSlot(_ folder: String) throws(Failure) -> (slot: Int, folder: String, lock: Int32) {
        for path in [folder] + (0..<slots).map({ "\(folder)/\($0)" }) where mkdir(path, 0o700) != 0 && errno != EEXIST {
            throw Failure(.infraFailed, "\(path) cannot be made: \(KernelFile.reason(errno)).")
        }
        for slot in 0..<slots {
            var lock: Int32 = -1
            if rock_lock_folder("\(folder)/\(slot)", 0, &lock) == 0 { return (slot, "\(folder)/\(slot)", lock) }
        }
        throw Failure(.overloaded, "\(slots) builds run on this data directory already; wait until one is done.")
    }

    /// Removes what an earlier build left that was killed. Before the first command.
    package func begin() async throws(Failure) {
        for sandbox in try await driver.adopt() { try await driver.remove(sandbox.id) }
    }

    /// Lets the folder go. After the last command.
    package func end() async { await driver.shutDown() }

    package func run(
        _ command: BuildCommand, output: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(Failure) -> Int32 {
        layers.command.withLock { $0 = command }
        let memory = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        var specification = SandboxSpecification(
            id: .random(), image: "build",
            limits: SandboxLimits(memoryBytes: memory, cpus: Double(EventLoopGroup.processors)))
        specification.network = network
        specification.publishedPorts = []
        let result: Result<Int32, Failure>
        do {
            let sandbox = try await driver.start(specification) { _ in }
            let status = try await execute(command, in: sandbox, output)
            if status == 0 {
                try await driver.stop(sandbox.id, grace: .zero)
                _ = try await driver.commit(sandbox.id, tag: "build", push: false, credentials: nil)
            }
            result = .success(status)
        } catch {
            result = .failure(error as? Failure ?? Failure(.infraFailed, "The command was broken off: \(error)."))
        }
        // Also where the build was cancelled: a sandbox does not end with who started it.
        let driver = driver
        let id = specification.id
        let removed = await Task { () async -> Failure? in
            do throws(Failure) {
                try await driver.remove(id)
                return nil
            } catch {
                return error
            }
        }.value
        if case .success = result, let removed { throw removed }
        return try result.get()
    }

    /// Runs the command in its jail and hands on what it writes.
    private func execute(
        _ command: BuildCommand, in sandbox: RunningSandbox, _ output: @Sendable ([UInt8]) -> Void
    ) async throws -> Int32 {
        let agent = SandboxAgent(sandbox.agent, of: sandbox.id, on: loops.next())
        let socket = try await agent.webSocket("/exec")
        defer { socket.close() }
        var environment = JSON.Object()
        for entry in command.environment {
            let name = entry.prefix { $0 != "=" }
            environment[String(name)] = .string(String(entry.dropFirst(name.count + 1)))
        }
        var order: JSON.Object = [
            "command": .array(command.arguments.map(JSON.string)), "env": .object(environment),
            "cwd": .string(command.workingDirectory),
        ]
        if let user = command.user.split(separator: ":").first { order["user"] = .string(String(user)) }
        try await socket.send(text: JSON.object(order).serialized)
        try await socket.send(binary: [0])
        for try await message in socket {
            switch message {
            case .binary(let bytes): output(Array(bytes.dropFirst()))
            case .text(let text):
                let answer = try JSON(parsing: text.span)
                if let error = answer["error"]?.string { throw Failure(.invalidArgument, error) }
                if let status = answer["exit_code"]?.int { return Int32(clamping: status) }
                if let signal = answer["signal"] {
                    return 128 + Int32(clamping: signal.int ?? 0)
                }
            }
        }
        throw Failure(.infraFailed, "The sandbox of the command ended in the middle of it.")
    }
}

/// The layers of the build's present command, in the place of a store.
private final class BuildLayers: JailImages {
    let command = Mutex<BuildCommand?>(nil)

    private func present() throws(Failure) -> BuildCommand {
        guard let command = command.withLock({ $0 }) else { throw Failure(.infraFailed, "No command is to be run.") }
        return command
    }

    func image(
        _ name: String, for holder: SandboxID?, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) -> JailImage {
        let command = try present()
        guard !command.layers.isEmpty else {
            throw Failure(.invalidArgument, "there is nothing to run in an image made from scratch without a layer.")
        }
        return JailImage(digest: "build", layers: command.layers, environment: [])
    }

    func release(_ holder: SandboxID) throws(Failure) {}

    func commit(_ upper: String, over base: String, tag: String) throws(Failure) -> String {
        try present().capture(upper)
        return "build"
    }

    func push(_ tag: String, credentials: RegistryCredentials?) async throws(Failure) {
        throw Failure(.invalidArgument, "push: a step of a build is no image yet.")
    }
}
