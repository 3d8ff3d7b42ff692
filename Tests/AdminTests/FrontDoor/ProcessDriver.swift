import GEM
import Glibc
import SandboxHost
import Synchronization

/// Runs each "sandbox" as a rocklet of this machine without any wall: what the doors are tried with.
final class ProcessDriver: SandboxDriver {
    private struct Life {
        let process: pid_t
        let ending: AsyncStream<SandboxEnd>.Continuation
    }

    let name = "process"
    private let folder: String
    private let lives = Mutex<[SandboxID: Life]>([:])

    /// - Parameter folder: For the sockets.
    init(folder: String) { self.folder = folder }

    func examine() async -> DriverReport { DriverReport(driver: name, isUsable: true, findings: []) }

    func start(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        report(.pullingImage(message: "nothing to pull"))
        guard specification.image != "nosuch:image" else {
            throw Failure(.notFound, "Failed to pull image nosuch:image. There is none.")
        }
        report(.imageReady(message: "image pull skipped"))
        report(.launching)
        let place = "\(folder)/\(specification.id.rawValue)"
        mkdir(place, 0o700)
        let process = try Self.spawn(in: place)
        report(.answering)
        let (ends, ending) = AsyncStream.makeStream(of: SandboxEnd.self)
        lives.withLock { $0[specification.id] = Life(process: process, ending: ending) }
        return RunningSandbox(
            id: specification.id, driver: name, agent: AgentAddress(folder: place),
            isolation: Array(#"{"complete":false,"walls":{},"missing":["all"]}"#.utf8), process: process,
            ports: [22555: 40001, 22: 40002, 8080: 40003], imageDigest: "",
            ended: {
                for await end in ends { return end }
                return SandboxEnd(reason: "gone")
            })
    }

    func restart(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox { try await start(specification, report: report) }

    func adopt() async throws(Failure) -> [AdoptedSandbox] { [] }

    func stop(_ id: SandboxID, grace: Duration) async throws(Failure) {
        guard let life = lives.withLock({ $0.removeValue(forKey: id) }) else { return }
        kill(life.process, SIGKILL)
        waitpid(life.process, nil, 0)
        life.ending.yield(SandboxEnd(signal: SIGKILL, reason: "stopped"))
        life.ending.finish()
    }

    func remove(_ id: SandboxID) async throws(Failure) {
        try await stop(id, grace: .zero)
        for name in ["agent.sock", "descriptors.sock", ""] { Glibc.remove("\(folder)/\(id.rawValue)/\(name)") }
    }

    func statistics(_ id: SandboxID) async throws(Failure) -> SandboxStatistics {
        var statistics = SandboxStatistics()
        (statistics.memoryBytes, statistics.memoryLimitBytes) = (1 << 20, 4 << 20)
        return statistics
    }

    func commit(
        _ id: SandboxID, tag: String, push: Bool, credentials: RegistryCredentials?
    ) async throws(Failure) -> CommittedImage { CommittedImage(name: tag, digest: "sha256:0", wasPushed: push) }

    func prepare(
        image: String, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) {}

    /// Starts a rocklet that serves on sockets which listen already: whoever connects early waits in their queue.
    private static func spawn(in folder: String) throws(Failure) -> pid_t {
        let http = try listen("\(folder)/agent.sock", Int32(SOCK_STREAM.rawValue))
        let descriptors = try listen("\(folder)/descriptors.sock", Int32(SOCK_SEQPACKET.rawValue))
        defer {
            close(http)
            close(descriptors)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, http, 203)
        posix_spawn_file_actions_adddup2(&actions, descriptors, 204)
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        let rocklet = bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)] + "/rocklet"
        let words = [String(rocklet), "serve", "--listen-fd", "203", "--descriptors-fd", "204"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/local/bin:/usr/bin:/bin"), nil]
        defer { for text in arguments + environment { free(text) } }
        var process: pid_t = 0
        let result = posix_spawn(&process, String(rocklet), &actions, nil, &arguments, &environment)
        guard result == 0 else {
            throw Failure(.infraFailed, "Cannot start \(rocklet): \(String(cString: strerror(result))).")
        }
        return process
    }

    private static func listen(_ path: String, _ type: Int32) throws(Failure) -> Int32 {
        unlink(path)
        let socket = Glibc.socket(AF_UNIX, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            room.copyBytes(from: Array(path.utf8).prefix(room.count - 1))
        }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, Glibc.listen(socket, 128) == 0 else {
            throw Failure(.infraFailed, "Cannot listen at \(path): \(String(cString: strerror(errno))).")
        }
        return socket
    }
}
