package import GEM

/// A way to run sandboxes that have a root filesystem. In each, the rocklet is process 1 and answers on a Unix socket.
///
/// A sandbox outlives the process that started it: everything a driver needs to find it again is in its state folder,
/// written before ``start(_:report:)`` returns. Calls for one sandbox never overlap; calls for different ones do.
package protocol SandboxDriver: Sendable {
    /// `jail` or `docker`: what `runtime` in a request names.
    var name: String { get }

    /// What works here, what does not, and the command that mends it. Looks afresh each time.
    func examine() async -> DriverReport

    /// Starts a sandbox and returns when its rocklet answers.
    ///
    /// - Parameters:
    ///   - specification: What it is to be.
    ///   - report: Told of each step of the start; the caller's clock stamps them.
    /// - Returns: The sandbox, whose rocklet has answered.
    /// - Throws: ``Failure``; then nothing of the sandbox is left. `notFound` where the image is not here and must not be
    ///   fetched, and nowhere else; `isolationRefused` where a limit or wall that was asked
    ///   for cannot stand here.
    func start(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox

    /// Finds every sandbox of this driver that a predecessor of this process left, and removes what is left of those that
    /// died while nobody looked.
    ///
    /// - Returns: The living ones, watched as if started here; the dead ones, kept for restart where their layer remains.
    func adopt() async throws(Failure) -> [AdoptedSandbox]

    /// Ends every process of a sandbox, politely for `grace`, then at once. Its own layer stays until ``remove(_:)``.
    func stop(_ id: SandboxID, grace: Duration) async throws(Failure)

    /// Starts a stopped sandbox again, with the same files and no process of before.
    func restart(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox

    /// Ends a sandbox if need be and removes everything of it. That there is none is no failure.
    func remove(_ id: SandboxID) async throws(Failure)

    /// What a running sandbox uses now.
    func statistics(_ id: SandboxID) async throws(Failure) -> SandboxStatistics

    /// Makes an image of a sandbox's files.
    ///
    /// - Parameters:
    ///   - id: The sandbox, running or stopped.
    ///   - tag: The image's name; with a registry's address in front where it is to be pushed.
    ///   - push: Whether it goes to its registry.
    ///   - credentials: For the push; `nil` pushes anonymously.
    /// - Returns: The image.
    /// - Throws: ``Failure`` whose message names the stage: commit, login or push.
    func commit(
        _ id: SandboxID, tag: String, push: Bool, credentials: RegistryCredentials?
    ) async throws(Failure) -> CommittedImage

    /// Makes an image ready ahead of use.
    ///
    /// - Parameters:
    ///   - image: Its name.
    ///   - pull: When its registry is asked.
    ///   - credentials: For the registry.
    ///   - report: Told how far a fetch is.
    /// - Throws: ``Failure`` that names the image.
    func prepare(
        image: String, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure)

    /// The images that its sandboxes start from; `nil` where they cannot be listed.
    var imageCatalog: (any ImageCatalog)? { get }

    /// Lets go of what no sandbox needs once this process has ended. Sandboxes run on.
    func shutDown() async
}

extension SandboxDriver {
    package var imageCatalog: (any ImageCatalog)? { nil }
    package func shutDown() async {}
}

/// A step of a start. ``pullingImage`` comes first even where nothing has to be pulled.
package enum StartStep: Sendable, Equatable {
    /// The image is looked for, and fetched if need be; `message` says how far.
    case pullingImage(message: String)
    case imageReady(message: String)
    case launching
    /// The rocklet inside answers.
    case answering
}

/// A sandbox that runs.
package struct RunningSandbox: Sendable {
    package let id: SandboxID
    /// The driver's name.
    package let driver: String
    /// Where the rocklet's HTTP server and its descriptor service listen on this machine.
    package let agent: AgentAddress
    /// Which walls stand, as JSON: `{"complete":…,"walls":{…},"missing":[…]}`.
    package let isolation: [UInt8]
    /// The first process inside, as this machine sees it; 0 where unknown.
    package let process: Int32
    /// Published ports: inside to host.
    package let ports: [UInt16: UInt16]
    /// The image that was used, by digest; empty for the host's tree.
    package let imageDigest: String
    /// What it lacks although it was asked for, a sentence each, because it could not be taken over from a predecessor of this
    /// process. Never a wall: a sandbox that cannot be held to its network's policy reaches nothing.
    package let losses: [String]
    /// Completes when the sandbox ends, whoever ends it. Can be awaited by any number of tasks.
    package let ended: @Sendable () async -> SandboxEnd

    package init(
        id: SandboxID, driver: String, agent: AgentAddress, isolation: [UInt8], process: Int32, ports: [UInt16: UInt16],
        imageDigest: String, losses: [String] = [], ended: @escaping @Sendable () async -> SandboxEnd
    ) {
        self.id = id
        self.driver = driver
        self.agent = agent
        self.isolation = isolation
        self.process = process
        self.ports = ports
        self.imageDigest = imageDigest
        self.losses = losses
        self.ended = ended
    }
}

/// Where a sandbox's rocklet listens: two Unix sockets in one folder.
package struct AgentAddress: Sendable, Equatable {
    /// The folder; its path may be longer than a socket's address can be.
    package let folder: String
    /// Speaks HTTP/1.1: the in-sandbox interface.
    package var http: String { folder + "/agent.sock" }
    /// Hands over descriptors: opened files and connected ports.
    package var descriptors: String { folder + "/descriptors.sock" }

    package init(folder: String) { self.folder = folder }
}

/// How a sandbox ended.
package struct SandboxEnd: Sendable, Equatable {
    /// The first process's exit status; `nil` where a signal ended it, or it is not known.
    package var exitCode: Int32?
    package var signal: Int32?
    package var ranOutOfMemory = false
    /// A sentence for people.
    package var reason: String

    package init(exitCode: Int32? = nil, signal: Int32? = nil, ranOutOfMemory: Bool = false, reason: String) {
        self.exitCode = exitCode
        self.signal = signal
        self.ranOutOfMemory = ranOutOfMemory
        self.reason = reason
    }
}

/// A sandbox that was found after a restart of this process.
package enum AdoptedSandbox: Sendable {
    case running(RunningSandbox, SandboxSpecification)
    /// Its processes are gone; its layer may still be there for a restart.
    case ended(SandboxID, SandboxEnd, isRestartable: Bool)

    package var id: SandboxID {
        switch self {
        case .running(let sandbox, _): sandbox.id
        case .ended(let id, _, _): id
        }
    }
}

/// What a sandbox uses.
package struct SandboxStatistics: Sendable, Equatable {
    /// Processor time since the start, in microseconds.
    package var cpuMicroseconds: Int64 = 0
    package var memoryBytes: Int64 = 0
    package var memoryLimitBytes: Int64 = 0
    /// What its own layer holds.
    package var diskBytes: Int64 = 0
    package var diskLimitBytes: Int64?
    package var processes: Int = 0
    /// How often a limit has bitten since the start; `nil` where the driver cannot tell.
    package var bites: LimitBites?
    /// Bytes received and sent over its network since the start.
    package var networkBytes: Int64 = 0

    package init() {}
}

/// How often a sandbox has run into its limits since its start.
package struct LimitBites: Sendable, Equatable {
    /// Processes that the kernel ended because the sandbox had no memory left.
    package var memoryKills: Int64 = 0
    /// Times that no process could be started because there were as many as there may be.
    package var refusedProcesses: Int64 = 0
    /// For how long it had to wait although it had work to do, in microseconds.
    package var throttledMicroseconds: Int64 = 0

    package init() {}
}

/// An image made of a sandbox.
package struct CommittedImage: Sendable, Equatable {
    package let name: String
    package let digest: String
    package let wasPushed: Bool

    package init(name: String, digest: String, wasPushed: Bool) {
        self.name = name
        self.digest = digest
        self.wasPushed = wasPushed
    }
}

/// Whether a driver works on this machine.
package struct DriverReport: Sendable, Equatable {
    /// One thing that was tried.
    package struct Finding: Sendable, Equatable {
        package let name: String
        package let works: Bool
        /// What was found: a version, or why it does not work.
        package let detail: String
        /// The command or setting that mends it; empty where it works.
        package let remedy: String

        package init(_ name: String, works: Bool, detail: String, remedy: String = "") {
            self.name = name
            self.works = works
            self.detail = detail
            self.remedy = remedy
        }
    }

    package let driver: String
    /// Whether sandboxes can be started at all.
    package let isUsable: Bool
    package let findings: [Finding]

    package init(driver: String, isUsable: Bool, findings: [Finding]) {
        self.driver = driver
        self.isUsable = isUsable
        self.findings = findings
    }
}
