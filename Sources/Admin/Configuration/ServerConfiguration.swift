import ConfigurationFiles
package import GEM
package import SandboxHost
import Transport

/// Everything that can be set about a server. The defaults are safe on a machine that other people use too.
package struct ServerConfiguration: Sendable {
    /// The address to listen on. Anything but loopback lets everyone who reaches it make sandboxes.
    package var host = "127.0.0.1"
    /// The TCP port; 0 takes a free one.
    package var port = 8080
    /// Whether to listen on TCP at all. An embedded server does not.
    package var listensOnTCP = true
    /// Where sockets and state live; created with mode 0700.
    package var dataDirectory: String
    /// A Unix socket that speaks newline-delimited JSON-RPC; `nil` for none.
    package var rpcSocketPath: String?
    /// Event loops, one thread each.
    package var loops = EventLoopGroup.processors
    /// Web origins whose pages may call the server, such as `http://localhost:3000`. A request that carries any other
    /// `Origin` is refused: a page someone happens to visit must not reach a server on loopback.
    package var allowedOrigins: [String] = []
    /// Names that the server is called by, besides addresses and `localhost`: with any other in a `Host` header, a server
    /// that asks for no keys answers nothing but environments' calls.
    package var allowedHosts: [String] = []
    /// When API keys are asked for.
    package var keyRequirement = KeyRequirement.automatic
    /// Where the log goes and what it holds.
    package var logs = LogConfiguration()
    /// Whether sandboxes, keys and the catalog are kept in the data directory. A server that is gone after one command
    /// keeps nothing.
    package var keepsRegistry = true

    /// The image store's folder.
    package var imagesPath: String { dataDirectory + "/images" }
    /// The registry's file.
    package var registryPath: String { dataDirectory + "/registry.db" }
    /// What runs the sandboxes.
    package var sandboxes = Sandboxes()
    /// Sandboxes with a root filesystem.
    package var runtime = Runtime()
    /// Work that is done again and again.
    package var scheduler = SchedulerConfiguration()
    /// What one client may ask for at a time.
    package var limits = Limits()
    /// Recorded episodes.
    package var episodes = Episodes()
    /// The file that holds recorded episodes.
    package var episodesPath: String { dataDirectory + "/episodes.db" }

    /// Which episodes are recorded, and how many are kept; the oldest go first.
    package struct Episodes: Sendable {
        /// Whether those of environments are whose `make` does not say.
        package var record = false
        /// Days since an episode began; `nil` keeps them however old.
        package var keepDays: Double?
        /// Bytes of the file; `nil` for no limit.
        package var maximumBytes: Int? = 4 << 30
        /// `nil` for no limit.
        package var maximum: Int?

        package init() {}
    }

    /// Sandboxes: what one gets, and how many there are.
    package struct Sandboxes: Sendable {
        /// The rocklet to run inside; `nil` looks beside this executable and in its `../libexec/rock`.
        package var rockletPath: String?
        /// Which walls must hold before the server starts.
        package var isolation = MinimumIsolation.strict
        /// Memory of one sandbox in bytes.
        package var memoryBytes = 256 << 20
        /// Processors of one sandbox; fractions are shares of one.
        package var cpus = 1.0
        /// Processes and threads in one sandbox.
        package var processes = 16
        /// Sandboxes kept ready ahead of `make`.
        package var warmPool = 8
        /// Whether a sandbox runs on the processor of the event loop that calls it, which takes a third off what a call
        /// costs. Turn it off where sandboxes compute for long.
        package var followsLoop = true
        /// Sandboxes alive at once; one more is refused as overloaded.
        package var maximum = 8192
        /// How long one call may take before its sandbox is killed.
        package var callTimeout = Duration.seconds(30)
        /// How long a sandbox may stay unused before it is closed.
        package var idleTimeout = Duration.seconds(1800)
        /// How long environments wait for the next server after this one was killed, in seconds; 0 ends them with it.
        package var outliveServerSeconds = 600

        package init() {}
    }

    /// Limits on what one client controls.
    package struct Limits: Sendable {
        /// Bytes of one message or request body.
        package var messageBytes = 8 << 20
        /// Bytes of one file on its way into a sandbox. Such bodies are never held in memory.
        package var uploadBytes = 1 << 40
        /// Requests in one JSON-RPC batch.
        package var batchCount = 1024
        /// Requests that one WebSocket or Unix connection may have in flight; more wait in the socket.
        package var inFlight = 256
        /// Answers kept for repeated request ids of `make`.
        package var rememberedMakes = 16_384
        /// How long the head of an HTTP request may take to arrive.
        package var headTimeout = Duration.seconds(15)
        /// How long an HTTP request's body may take beyond what a slow but steady line needs.
        package var bodyTimeout = Duration.seconds(30)
        /// How long an HTTP connection may wait for its next request.
        package var connectionIdleTimeout = Duration.seconds(75)

        package init() {}
    }

    /// - Parameter dataDirectory: Where sockets and state live.
    package init(dataDirectory: String) {
        self.dataDirectory = dataDirectory
    }
}

extension ServerConfiguration {
    /// Takes over what the YAML text of a configuration file sets.
    ///
    /// - Parameters:
    ///   - bytes: The file's content.
    ///   - name: The file's name, for errors.
    /// - Throws: ``Failure`` of kind `invalidArgument` that names file, line and key; nothing is changed then.
    package mutating func apply(yaml bytes: [UInt8], name: String) throws(Failure) {
        var new = self
        var root = try ConfigurationSection(try YAML(parsing: bytes, name: name), name: "the file", file: name)
        new.host = try root.text("host") ?? host
        new.port = try root.integer("port", in: 0...65535) ?? port
        new.dataDirectory = try root.text("data_dir") ?? dataDirectory
        new.rpcSocketPath = try root.text("rpc_socket") ?? rpcSocketPath
        new.loops = try root.integer("loops", in: 1...256) ?? loops
        new.allowedOrigins = try root.texts("allowed_origins") ?? allowedOrigins
        new.allowedHosts = try root.texts("allowed_hosts") ?? allowedHosts
        new.keyRequirement = try root.word("api_keys") ?? keyRequirement
        if var section = try root.section("logging") { try new.logs.apply(&section) }
        if var section = try root.section("sandboxes") { try new.sandboxes.apply(&section) }
        if var section = try root.section("runtime") { try new.runtime.apply(&section) }
        if var section = try root.section("scheduler") { try new.scheduler.apply(&section) }
        if var section = try root.section("limits") { try new.limits.apply(&section) }
        if var section = try root.section("episodes") { try new.episodes.apply(&section) }
        try root.refuseUnknownKeys()
        self = new
    }
}

extension ServerConfiguration.Sandboxes {
    fileprivate mutating func apply(_ section: inout ConfigurationSection) throws(Failure) {
        rockletPath = try section.text("rocklet") ?? rockletPath
        isolation = try section.word("isolation") ?? isolation
        memoryBytes = try section.bytes("memory", in: 16 << 20...1 << 40) ?? memoryBytes
        cpus = try section.number("cpus", in: 0.01...1024) ?? cpus
        processes = try section.integer("processes", in: 1...65536) ?? processes
        warmPool = try section.integer("warm_pool", in: 0...4096) ?? warmPool
        followsLoop = try section.boolean("follow_loop") ?? followsLoop
        maximum = try section.integer("maximum", in: 1...1_000_000) ?? maximum
        if let seconds = try section.number("call_timeout_seconds", in: 0.001...86_400) {
            callTimeout = .seconds(seconds)
        }
        if let seconds = try section.number("idle_timeout_seconds", in: 0.001...31_536_000) {
            idleTimeout = .seconds(seconds)
        }
        outliveServerSeconds = try section.integer("outlive_server_seconds", in: 0...86_400) ?? outliveServerSeconds
        try section.refuseUnknownKeys()
    }
}

extension ServerConfiguration.Limits {
    fileprivate mutating func apply(_ section: inout ConfigurationSection) throws(Failure) {
        messageBytes = try section.bytes("message_bytes", in: 1024...1 << 30) ?? messageBytes
        uploadBytes = try section.bytes("upload_bytes", in: 1024...1 << 50) ?? uploadBytes
        batchCount = try section.integer("batch_count", in: 1...65_536) ?? batchCount
        inFlight = try section.integer("in_flight", in: 1...65_536) ?? inFlight
        rememberedMakes = try section.integer("remembered_makes", in: 0...1_000_000) ?? rememberedMakes
        for (key, limit) in [
            ("head_timeout_seconds", \Self.headTimeout), ("body_timeout_seconds", \Self.bodyTimeout),
            ("connection_idle_timeout_seconds", \Self.connectionIdleTimeout),
        ] {
            if let seconds = try section.number(key, in: 0.001...86_400) { self[keyPath: limit] = .seconds(seconds) }
        }
        try section.refuseUnknownKeys()
    }
}

extension ServerConfiguration.Episodes {
    fileprivate mutating func apply(_ section: inout ConfigurationSection) throws(Failure) {
        record = try section.boolean("record") ?? record
        keepDays = try section.number("keep_days", in: 0.001...36_500) ?? keepDays
        maximumBytes = try section.bytes("maximum_bytes", in: 1 << 20...1 << 50) ?? maximumBytes
        maximum = try section.integer("maximum", in: 1...1_000_000_000) ?? maximum
        try section.refuseUnknownKeys()
    }
}

extension LogConfiguration {
    fileprivate mutating func apply(_ section: inout ConfigurationSection) throws(Failure) {
        folder = try section.text("path") ?? folder
        fileName = try section.text("file_name") ?? fileName
        if let word = try section.text("level") {
            guard let level = LogLevel(word: word) else {
                throw Failure(
                    .invalidArgument, "The log's level must be one of DEBUG, INFO, WARNING, ERROR, not '\(word)'.")
            }
            self.level = level
        }
        format = try section.word("log_format") ?? format
        access = try section.word("access") ?? access
        rotateBytes = try section.bytes("rotate_size", in: 4096...1 << 40) ?? rotateBytes
        rotateSeconds = try section.integer("rotate_seconds", in: 0...31_536_000) ?? rotateSeconds
        keep = try section.integer("keep", in: 0...1000) ?? keep
        try section.refuseUnknownKeys()
    }
}

extension ServerConfiguration {
    /// How long environments wait for the next server. One that keeps nothing has none to come.
    var outlivingSeconds: Int { keepsRegistry ? sandboxes.outliveServerSeconds : 0 }

    /// The same settings as the sandboxes' host takes them.
    ///
    /// - Throws: ``Failure`` where there is no rocklet to run.
    func hostConfiguration() throws(Failure) -> HostConfiguration {
        let rocklet: String
        if let path = sandboxes.rockletPath { rocklet = path } else { rocklet = try findRocklet() }
        var host = HostConfiguration(runDirectory: dataDirectory + "/run", rockletPath: rocklet)
        host.minimumIsolation = sandboxes.isolation
        host.limits = .init(
            memoryBytes: sandboxes.memoryBytes, cpus: sandboxes.cpus, processes: sandboxes.processes)
        host.warmPoolSize = sandboxes.warmPool
        host.maximumSandboxes = sandboxes.maximum
        host.followsLoop = sandboxes.followsLoop
        host.lingerSeconds = UInt32(outlivingSeconds)
        return host
    }
}
