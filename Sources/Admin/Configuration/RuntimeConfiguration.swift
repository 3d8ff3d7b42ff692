import ConfigurationFiles
package import GEM
package import Images
package import Registry
package import SandboxHost

extension ServerConfiguration {
    /// Sandboxes with a root filesystem: how they are run, what one may have, and how many there may be.
    package struct Runtime: Sendable {
        /// The drivers that are offered, of ``knownDrivers``. Empty offers no such sandboxes and opens no registry.
        package var drivers = ["jail", "docker"]
        /// The driver of requests that name none.
        package var defaultDriver = "jail"
        /// The engine's Unix socket; `nil` looks in the usual places.
        package var dockerSocket: String?

        /// What a request that says nothing gets.
        package var image = "python:3.11"
        package var cpus = 2.0
        package var memoryBytes: Int64 = 8 << 30
        /// What a jail's own layer may hold; `nil` for no limit of its own.
        package var diskBytes: Int64? = 50 << 30
        package var pull = PullPolicy.missing
        package var network = NetworkPolicy.none
        /// Whether a request may ask for more network than ``network``.
        package var allowsNetwork = true
        /// Who answers for names that sandboxes ask for; empty takes the machine's own.
        package var nameServers: [String] = []
        /// Networks in CIDR form that no sandbox reaches.
        package var forbiddenNetworks: [String] = []
        /// Where images come from.
        package var registries = RegistryConfiguration()
        /// Folders that sandboxes of the image `host` see beside `/usr`.
        package var hostFolders: [String] = []
        /// Seen by every sandbox.
        package var mounts: [SandboxMount] = []
        /// What requests may mount besides; nothing unless it is said here.
        package var allowedMounts: [MountRoot] = []

        /// The most that one request may ask for.
        package var maximumCPUs = 16.0
        package var maximumMemoryBytes: Int64 = 64 << 30
        package var maximumDiskBytes: Int64 = 256 << 30

        /// Sandboxes that are pending or running at a time.
        package var maximum = 4096
        /// Starts under way at a time, and starts that may wait for their turn.
        package var concurrentStarts = 32
        package var waitingStarts = 1024
        /// What all sandboxes together may be promised; `nil` promises whatever is asked for.
        package var totalCPUs: Double?
        package var totalMemoryBytes: Int64?

        /// How long a start may take, its image's pull included, when the request does not say.
        package var startTimeout = Duration.seconds(1800)
        /// How long a stop waits before it kills.
        package var stopGrace = Duration.seconds(2)
        /// How long a call to a sandbox may take that sets no limit of its own.
        package var callTimeout = Duration.seconds(300)
        /// Idle time after which a sandbox is stopped, when the request does not say.
        package var autoClearSeconds: Int32 = 360 * 60
        /// How long a stopped sandbox is kept for a restart, when the request does not say; 0 removes it at once.
        package var autoDeleteSeconds: Int32 = 3600
        /// How long the record of a deleted sandbox can still be asked for.
        package var forgetDeletedSeconds: Int64 = 7 * 86_400

        /// How `get_status` finds out: from the registry, or by asking the sandbox. Can be changed while the server runs.
        package var statusSource = StatusSource.registry
        /// Sandboxes in one batch or page.
        package var batchCount = 2000
        /// The zone that times are written in.
        package var timeZone = TimeZoneRules.shanghai
        /// AES-256 key for what clients send as `X-Key`; `nil` takes a random one, and what it encrypted is lost with the
        /// process.
        package var encryptionKey: [UInt8]?
        /// Where a line for each stopped sandbox goes; `nil` is `billing.log` in the data directory.
        package var billingLog: String?

        package static let knownDrivers = ["jail", "docker"]

        package init() {}
    }

    /// Where `get_status` looks.
    package enum StatusSource: String, CaseIterable, Sendable {
        /// The registry's memory, which hosts keep up to date.
        case registry
        /// The sandbox itself, as ROCK's first servers did.
        case legacy
    }
}

extension ServerConfiguration.Runtime {
    /// Words for `network`.
    private enum NetworkWord: String, CaseIterable { case none, outbound }

    /// Takes over what a `runtime` section sets.
    mutating func apply(_ section: inout ConfigurationSection) throws(Failure) {
        drivers = try section.texts("drivers") ?? drivers
        defaultDriver = try section.text("default") ?? drivers.first ?? defaultDriver
        dockerSocket = try section.text("docker_socket") ?? dockerSocket
        image = try section.text("image") ?? image
        pull = try section.word("pull") ?? pull
        if let word: NetworkWord = try section.word("network") { network = word == .none ? .none : .outbound }
        if let names = try section.texts("network_allow") { network = .allow(names) }
        allowsNetwork = try section.boolean("allow_network") ?? allowsNetwork
        nameServers = try section.texts("name_servers") ?? nameServers
        forbiddenNetworks = try section.texts("forbidden_networks") ?? forbiddenNetworks
        hostFolders = try section.texts("host_folders") ?? hostFolders
        if var images = try section.section("images") {
            registries.registry = try images.text("registry") ?? registries.registry
            registries.mirrors = try images.texts("mirrors") ?? registries.mirrors
            registries.insecure = try images.texts("insecure") ?? registries.insecure
            try images.refuseUnknownKeys()
        }
        if let texts = try section.texts("mounts") { mounts = try texts.map(Self.mount) }
        if let texts = try section.texts("allowed_mounts") { allowedMounts = try texts.map(Self.mountRoot) }
        if var limit = try section.section("standard_spec") {
            cpus = try limit.number("cpus", in: 0.01...4096) ?? cpus
            memoryBytes = try limit.bytes("memory", in: 8 << 20...1 << 50).map(Int64.init) ?? memoryBytes
            diskBytes = try limit.bytes("disk", in: 0...1 << 60).map { $0 == 0 ? nil : Int64($0) } ?? diskBytes
            try limit.refuseUnknownKeys()
        }
        if var limit = try section.section("max_allowed_spec") {
            maximumCPUs = try limit.number("cpus", in: 0.01...4096) ?? maximumCPUs
            maximumMemoryBytes = try limit.bytes("memory", in: 8 << 20...1 << 50).map(Int64.init) ?? maximumMemoryBytes
            maximumDiskBytes = try limit.bytes("disk", in: 1 << 20...1 << 60).map(Int64.init) ?? maximumDiskBytes
            try limit.refuseUnknownKeys()
        }
        try applyCounts(&section)
        try applyTimes(&section)
        statusSource = try section.word("get_status") ?? statusSource
        if let name = try section.text("time_zone") { timeZone = try Self.timeZone(name) }
        if let text = try section.text("aes_encrypt_key") { encryptionKey = try Self.key(text) }
        billingLog = try section.text("billing_log") ?? billingLog
        try section.refuseUnknownKeys()
        try check()
    }

    private mutating func applyCounts(_ section: inout ConfigurationSection) throws(Failure) {
        maximum = try section.integer("maximum", in: 1...1_000_000) ?? maximum
        concurrentStarts = try section.integer("concurrent_starts", in: 1...4096) ?? concurrentStarts
        waitingStarts = try section.integer("waiting_starts", in: 0...1_000_000) ?? waitingStarts
        batchCount = try section.integer("batch_get_status_max_count", in: 1...10_000) ?? batchCount
        totalCPUs = try section.number("total_cpus", in: 0.01...1_000_000) ?? totalCPUs
        totalMemoryBytes = try section.bytes("total_memory", in: 8 << 20...1 << 60).map(Int64.init) ?? totalMemoryBytes
    }

    private mutating func applyTimes(_ section: inout ConfigurationSection) throws(Failure) {
        for (key, limit) in [
            ("start_timeout_seconds", \Self.startTimeout), ("stop_grace_seconds", \Self.stopGrace),
            ("call_timeout_seconds", \Self.callTimeout),
        ] {
            if let seconds = try section.number(key, in: 0...86_400) { self[keyPath: limit] = .seconds(seconds) }
        }
        if let minutes = try section.number("auto_clear_minutes", in: 0...35_000_000) {
            autoClearSeconds = Int32((minutes * 60).rounded(.up))
        }
        autoDeleteSeconds =
            try section.integer("auto_delete_seconds", in: 0...Int(Int32.max)).map(Int32.init) ?? autoDeleteSeconds
        forgetDeletedSeconds =
            try section.integer("forget_deleted_seconds", in: 0...Int(Int32.max)).map(Int64.init)
            ?? forgetDeletedSeconds
    }

    private func check() throws(Failure) {
        for name in drivers where !Self.knownDrivers.contains(name) {
            let hint = Spelling.suggestion(for: name, among: Self.knownDrivers)
            throw Failure(.invalidArgument, "runtime: there is no driver \"\(name)\".\(hint)")
        }
        guard drivers.isEmpty || drivers.contains(defaultDriver) else {
            throw Failure(.invalidArgument, "runtime: the default \"\(defaultDriver)\" is not among the drivers.")
        }
    }

    /// Takes over what the variables of the process set, as ROCK's own server does.
    ///
    /// - Parameter variable: The value of a variable; `nil` where it is unset.
    /// - Throws: ``Failure`` of kind `invalidArgument` that names the variable.
    package mutating func apply(variables variable: (String) -> String?) throws(Failure) {
        if let text = variable("ROCK_DEFAULT_AUTO_CLEAR_TIME_MINUTES"), !text.isEmpty {
            guard let minutes = Double(text), 0...35_000_000 ~= minutes else {
                throw Failure(
                    .invalidArgument, "ROCK_DEFAULT_AUTO_CLEAR_TIME_MINUTES must be a number of minutes, not \(text).")
            }
            autoClearSeconds = Int32((minutes * 60).rounded(.up))
        }
        if let name = variable("ROCK_TIME_ZONE"), !name.isEmpty { timeZone = try Self.timeZone(name) }
    }

    private static func timeZone(_ name: String) throws(Failure) -> TimeZoneRules {
        do throws(RegistryError) { return try TimeZoneRules(named: name) } catch {
            throw Failure(.invalidArgument, "The time zone \(error.message).")
        }
    }

    /// A key as `rock crypto generate-key` writes it: base64 of 32 bytes.
    private static func key(_ text: String) throws(Failure) -> [UInt8] {
        guard let bytes = Base64.decode(Array(text.utf8)), bytes.count == 32 else {
            throw Failure(.invalidArgument, "runtime: aes_encrypt_key must be base64 of 32 bytes.")
        }
        return bytes
    }
}
