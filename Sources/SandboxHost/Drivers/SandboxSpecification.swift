/// What a sandbox with a root filesystem is to be: the same for every driver.
package struct SandboxSpecification: Sendable, Equatable {
    package let id: SandboxID
    /// An image's name, such as `python:3.11`, or ``hostImage``.
    package var image: String
    package var pull = PullPolicy.missing
    package var credentials: RegistryCredentials?
    package var limits: SandboxLimits
    package var network = NetworkPolicy.none
    /// Ports inside that get a port of the host's loopback, chosen when the sandbox starts.
    package var publishedPorts: [UInt16] = [22, 8080, 22555]
    package var mounts: [SandboxMount] = []
    /// Variables for every program, on top of the image's.
    package var environment: [String: String] = [:]
    package var hostname: String?
    /// Free texts of the client's; drivers that can, mark the sandbox with them.
    package var labels: [String: String] = [:]

    /// The name that stands for the machine's own file tree.
    package static let hostImage = "host"

    package init(id: SandboxID, image: String, limits: SandboxLimits) {
        self.id = id
        self.image = image
        self.limits = limits
    }
}

/// When an image is fetched from its registry.
package enum PullPolicy: String, CaseIterable, Sendable { case never, missing, always }

/// Who asks a registry for an image.
package struct RegistryCredentials: Sendable, Equatable {
    package var username: String
    package var password: String

    package init(username: String, password: String) {
        self.username = username
        self.password = password
    }
}

/// What a sandbox with a root filesystem may use.
package struct SandboxLimits: Sendable, Equatable {
    /// Memory in bytes, kernel memory on its behalf included; it gets no swap on top.
    package var memoryBytes: Int64
    /// Processor time, in processors.
    package var cpus: Double
    /// Processes and threads at a time.
    package var processes = 4096
    /// What its own layer may hold, in bytes; `nil` for no limit of its own.
    package var diskBytes: Int64?

    package init(memoryBytes: Int64, cpus: Double, diskBytes: Int64? = nil) {
        self.memoryBytes = memoryBytes
        self.cpus = cpus
        self.diskBytes = diskBytes
    }
}

/// Whom a sandbox can reach. Other sandboxes, the host's own addresses and cloud metadata addresses never.
package enum NetworkPolicy: Sendable, Equatable {
    /// Loopback only.
    case none
    /// Outbound connections to these and nothing else: host names, addresses or networks in CIDR form, each perhaps with
    /// `:port`.
    case allow([String])
    /// Outbound connections to every public and private address outside this machine.
    case outbound
}

/// A folder or file of the host's that a sandbox sees.
package struct SandboxMount: Sendable, Equatable {
    package var source: String
    package var target: String
    package var isReadOnly: Bool
    /// Whether an administrator has named just this one, so that the list of what may be mounted is not asked.
    package var isGranted = false

    package init(source: String, target: String, isReadOnly: Bool = true) {
        self.source = source
        self.target = target
        self.isReadOnly = isReadOnly
    }
}
