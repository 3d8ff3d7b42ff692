import GEM
import SandboxHost

/// What somebody has written down about an environment of theirs: what it is called, the program that plays it, and what
/// that program gets.
struct EnvironmentManifest: Sendable {
    let id: EnvironmentID
    /// One sentence: what the agent has to do.
    var summary = ""
    /// The form of an action, and what an observation shows.
    var action = ""
    var observation = ""
    var rewardRange = 0.0...1.0
    /// After so many turns an episode is cut off; `nil` where only the program ends one.
    var maxTurns: Int?
    var parameters: [Parameter] = []
    /// Whether a seed makes a difference.
    var usesSeed = true

    /// The program and its arguments.
    var command: [String]
    /// On top of the image's variables and of ``ownVariables``.
    var variables: [String: String] = [:]
    /// An image's name, or `host` for the machine's own tree.
    var image = SandboxSpecification.hostImage
    /// The driver; `nil` for the server's default.
    var driver: String?
    /// A folder of the host's that the program sees as ``folderInside``, where it starts.
    var directory: String?
    /// Others that it sees, by their paths inside.
    var mounts: [SandboxMount] = []
    var network = NetworkPolicy.none
    var limits = Limits()
    var timeouts = Timeouts()

    /// What one sandbox of the environment may use.
    struct Limits: Sendable, Equatable {
        var memoryBytes: Int64 = 512 << 20
        var cpus = 1.0
        var processes = 64
        var diskBytes: Int64?
        /// The longest line that the program may say, in bytes.
        var lineBytes = 4 << 20
        /// The most environments in one sandbox.
        var environments = 256
    }

    /// How long the program may take for a call.
    struct Timeouts: Sendable, Equatable {
        /// To start and to answer `make`.
        var make = Duration.seconds(60)
        var reset = Duration.seconds(30)
        /// To answer anything else.
        var step = Duration.seconds(30)
    }

    /// Where the program finds ``directory``, read-only.
    static let folderInside = "/environment"
    /// Neither root nor anybody who owns a file.
    static let user = "65534:65534"
    /// For programs in Python, which else would keep their words back and write beside their sources.
    static let ownVariables = [
        "HOME": "/tmp", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8",
    ]

    /// The environment as `list` shows it and `make` checks arguments by.
    var spec: EnvironmentSpec {
        EnvironmentSpec(
            id: id, summary: summary, actionGrammar: action, rewardRange: rewardRange, maxTurns: maxTurns,
            parameters: parameters, usesSeed: usesSeed
        ) { [id] (_, _) throws(Failure) in
            throw Failure(.internalError, "\(id) is played by a program in a sandbox of its own.")
        }
    }

    /// The sandbox that its program runs in.
    func specification(of sandbox: SandboxID) -> SandboxSpecification {
        var limits = SandboxLimits(
            memoryBytes: self.limits.memoryBytes, cpus: self.limits.cpus, diskBytes: self.limits.diskBytes)
        limits.processes = self.limits.processes
        var specification = SandboxSpecification(id: sandbox, image: image, limits: limits)
        specification.network = network
        specification.publishedPorts = []
        specification.mounts = mounts
        if let directory {
            specification.mounts.append(SandboxMount(source: directory, target: Self.folderInside))
        }
        for index in specification.mounts.indices { specification.mounts[index].isGranted = true }
        return specification
    }

    /// The program.
    var order: AgentOrder {
        var order = AgentOrder(command: command, user: Self.user)
        order.variables = Self.ownVariables.merging(variables) { $1 }
        order.directory = directory == nil ? "/tmp" : Self.folderInside
        return order
    }
}
