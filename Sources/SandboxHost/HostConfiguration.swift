/// How a host runs its sandboxes.
public struct HostConfiguration: Sendable {
    /// A folder of the host's own, made with mode 0700 where it does not exist. It holds one socket for each sandbox, so
    /// its path may be at most 60 bytes long. Two hosts cannot share it.
    public var runDirectory: String
    /// The `rocklet` executable.
    public var rockletPath: String
    /// What must hold for the host to run at all.
    public var minimumIsolation = MinimumIsolation.strict
    /// What a sandbox is held to when `make` says nothing else.
    public var limits = Limits()
    /// How many jails are kept ready. Each costs what an idle sandbox costs.
    public var warmPoolSize = 8
    /// Whether a sandbox runs on the processor of the event loop that calls it; see ``Footsteps``.
    public var followsLoop = true
    /// How many sandboxes may be alive at a time.
    public var maximumSandboxes = 10_000
    /// How many calls may wait for one sandbox before the next is refused.
    public var maximumQueuedCalls = 256
    /// The longest answer of a sandbox, in bytes; a longer one ends it.
    public var maximumReplyBytes = 64 << 20
    /// The first user id, outside, that jails become when the host runs as root; the range after it, as long as
    /// ``maximumSandboxes``, should belong to nobody.
    public var firstUserID: UInt32 = 100_000

    /// How long sandboxes wait for the next host in the run directory after this one was killed, in seconds; 0 ends them
    /// with this one. A host that shuts down ends them in any case.
    public var lingerSeconds: UInt32 = 0

    /// Walls that are not built, so that tests can try those behind them.
    var omittedWalls: Set<Wall> = []

    public init(runDirectory: String, rockletPath: String) {
        self.runDirectory = runDirectory
        self.rockletPath = rockletPath
    }
}

/// What one sandbox may use.
public struct Limits: Equatable, Sendable {
    /// Memory, kernel memory on its behalf included.
    public var memoryBytes = 256 << 20
    /// Processor time, in processors: 0.5 is half of one.
    public var cpus = 1.0
    /// Processes and threads at a time.
    public var processes = 16
    /// Open descriptors at a time.
    public var descriptors = 16

    public init() {}

    public init(memoryBytes: Int, cpus: Double = 1, processes: Int = 16) {
        self.memoryBytes = memoryBytes
        self.cpus = cpus
        self.processes = processes
    }

    /// Why these limits make no sense; `nil` where they do.
    var complaint: String? {
        if !(8 << 20...1 << 50 ~= memoryBytes) { return "memory must be 8 MiB to 1 PiB, not \(memoryBytes) bytes" }
        if !(0.01...4096 ~= cpus) { return "cpus must be 0.01 to 4096, not \(cpus)" }
        if !(1...65_536 ~= processes) { return "processes must be 1 to 65536, not \(processes)" }
        if !(8...1_048_576 ~= descriptors) { return "descriptors must be 8 to 1048576, not \(descriptors)" }
        return nil
    }
}

/// How much of the isolation must hold.
public enum MinimumIsolation: String, CaseIterable, Sendable {
    /// All walls.
    case strict
    /// Whatever the kernel grants; the report says what is missing.
    case bestEffort = "best-effort"
}
