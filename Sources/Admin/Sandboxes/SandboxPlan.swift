import ConfigurationFiles
import GEM
import Registry
import SandboxHost

/// A start that has been checked: the row it gets and what its driver is to make.
struct SandboxPlan: Sendable {
    var request: SandboxRequest
    var specification: SandboxSpecification
    /// The driver's name.
    let driver: String
    /// How long the start may take once its turn has come.
    let timeout: Duration
    /// Whether it ends with the connection that started it.
    let hasConnectionLease: Bool

    var id: SandboxID { specification.id }
    var need: StartQueue.Need { StartQueue.Need(cpus: request.cpus, memoryBytes: request.memoryBytes) }
}

/// The labels that say what clients must not be able to say.
enum ReservedLabel {
    static let prefix = "rock."
    /// On a sandbox that ends with the connection that started it.
    static let lease = SandboxLabel(name: "rock.lease", value: "connection")
}

extension ServerConfiguration.Runtime {
    /// Checks `start` against what one may have and fills in what it does not say.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` that names the field, the value and the limit; `isolationRefused` for a
    ///   wall that is not to be had here.
    func plan(_ start: SandboxStart, by caller: SandboxCaller, authorization: String) throws(Failure) -> SandboxPlan {
        try refuseWhatIsNotOffered(start)
        let id = try start.id.map(Self.sandboxID) ?? .random()
        let limits = try limits(start)
        var specification = SandboxSpecification(id: id, image: try image(start), limits: limits)
        specification.pull = start.pull ?? pull
        specification.network = try network(start)
        specification.mounts = try mounts(start.mounts)
        specification.environment = start.environment
        if let ports = start.ports { specification.publishedPorts = ports }
        specification.hostname = start.hostname
        specification.labels = start.metadata
        if let user = start.registryUsername, let password = start.registryPassword {
            specification.credentials = RegistryCredentials(username: user, password: password)
        }
        guard start.environment.count <= 256,
            start.environment.allSatisfy({ Self.isVariable($0.key) && $0.value.utf8.count <= 64 << 10 })
        else {
            throw Failure(
                .invalidArgument, "env has at most 256 variables, named without '=', with values of at most 64 KiB.")
        }
        if let name = start.hostname, SandboxID(rawValue: name.lowercased()) == nil {
            throw Failure(.invalidArgument, "hostname must be 1 to 63 letters, digits and '-', not \"\(name)\".")
        }
        return SandboxPlan(
            request: try request(start, id, caller, specification, authorization), specification: specification,
            driver: start.runtime ?? defaultDriver, timeout: try timeout(start),
            hasConnectionLease: start.lease == .connection)
    }

    private func refuseWhatIsNotOffered(_ start: SandboxStart) throws(Failure) {
        if let system = start.imageOS, system.lowercased() != "linux" {
            throw Failure(.invalidArgument, "image_os must be linux; this server has no \(system).")
        }
        if start.usesKata {
            throw Failure(.isolationRefused, "There is no Kata runtime here. Leave use_kata_runtime out.")
        }
        if let count = start.numGPUs, count > 0 {
            throw Failure(.invalidArgument, "This server has no GPUs to give; num_gpus must be 0 or absent.")
        }
        if let name = start.metadata.keys.first(where: { $0.hasPrefix(ReservedLabel.prefix) }) {
            throw Failure(.invalidArgument, "metadata \"\(name)\": names that begin with rock. are the server's own.")
        }
    }

    private static func sandboxID(_ text: String) throws(Failure) -> SandboxID {
        guard let id = SandboxID(rawValue: text) else {
            throw Failure(
                .invalidArgument, "sandbox_id must be 1 to 63 of a-z, 0-9 and '-', not \"\(text.prefix(80))\".")
        }
        return id
    }

    private static func isVariable(_ name: String) -> Bool {
        1...256 ~= name.utf8.count && !name.utf8.contains(UInt8(ascii: "=")) && !name.utf8.contains(0)
    }

    private func image(_ start: SandboxStart) throws(Failure) -> String {
        let name = start.image ?? image
        guard !name.allSatisfy(\.isWhitespace), name.utf8.count <= SandboxRequest.textLimit else {
            throw Failure(
                .invalidArgument,
                "image must be a name such as python:3.11, of at most \(SandboxRequest.textLimit) bytes.")
        }
        return name
    }

    private func limits(_ start: SandboxStart) throws(Failure) -> SandboxLimits {
        let cpus = start.cpus ?? cpus
        for (name, number) in [("cpus", cpus), ("limit_cpus", start.limitCPUs ?? cpus)] {
            guard number > 0 else { throw Failure(.invalidArgument, "\(name) must be more than 0, not \(number).") }
            guard number <= maximumCPUs else {
                throw Failure(
                    .invalidArgument, "\(name) \(number) exceeds the maximum allowed \(maximumCPUs) cpus of a sandbox.")
            }
        }
        let memory = try size("memory", start.memory, most: maximumMemoryBytes) ?? memoryBytes
        guard memory >= 4 << 20 else { throw Failure(.invalidArgument, "memory must be at least 4m.") }
        var limits = SandboxLimits(memoryBytes: memory, cpus: start.limitCPUs ?? cpus)
        // Only the jail can be sure to hold a sandbox to a default; whoever names a limit gets it or a refusal.
        limits.diskBytes =
            try size("disk", start.disk, most: maximumDiskBytes)
            ?? ((start.runtime ?? defaultDriver) == "jail" ? diskBytes : nil)
        if let count = start.processes {
            guard 1...65_536 ~= count else {
                throw Failure(.invalidArgument, "processes must be 1 to 65536, not \(count).")
            }
            limits.processes = count
        }
        return limits
    }

    private func size(_ name: String, _ text: String?, most: Int64) throws(Failure) -> Int64? {
        guard let text else { return nil }
        guard let size = ByteCount(text)?.rawValue, size > 0 else {
            throw Failure(.invalidArgument, "\(name) must be a size such as 8g or 512m, not \"\(text.prefix(64))\".")
        }
        guard size <= most else {
            throw Failure(
                .invalidArgument,
                "\(name) \(text) exceeds the maximum allowed \(ByteCount(rawValue: Int(most))) of a sandbox.")
        }
        return Int64(size)
    }

    private func network(_ start: SandboxStart) throws(Failure) -> NetworkPolicy {
        guard let wanted = start.network, wanted != network else { return network }
        guard allowsNetwork || wanted == .none else {
            throw Failure(.invalidArgument, "This server does not let requests choose their network. Leave it out.")
        }
        return wanted
    }

    private func timeout(_ start: SandboxStart) throws(Failure) -> Duration {
        guard let seconds = start.startupTimeout else { return startTimeout }
        guard seconds > 0 else { throw Failure(.invalidArgument, "startup_timeout must be more than 0 seconds.") }
        return min(.seconds(seconds), startTimeout)
    }

    private func request(
        _ start: SandboxStart, _ id: SandboxID, _ caller: SandboxCaller, _ specification: SandboxSpecification,
        _ authorization: String
    ) throws(Failure) -> SandboxRequest {
        var request = SandboxRequest(id: id.rawValue)
        request.image = specification.image
        request.userID = caller.userID
        request.experimentID = caller.experimentID
        request.namespace = caller.namespace
        request.clusterName = caller.clusterName
        request.driver = start.runtime ?? defaultDriver
        request.cpus = start.cpus ?? cpus
        request.limitCPUs = start.limitCPUs
        request.memoryBytes = specification.limits.memoryBytes
        request.acceleratorType = start.acceleratorType
        request.disk = start.disk
        request.authorizationEncrypted = authorization
        request.autoClearSeconds = try seconds("auto_clear_time_minutes", start.autoClearMinutes.map { $0 * 60 })
        request.autoClearSeconds = request.autoClearSeconds ?? autoClearSeconds
        request.autoArchiveSeconds = try seconds("auto_archive_seconds", start.autoArchiveSeconds.map(Double.init))
        request.autoDeleteSeconds =
            try seconds("auto_delete_seconds", start.autoDeleteSeconds.map(Double.init)) ?? autoDeleteSeconds
        request.labels = start.metadata
        if start.lease == .connection { request.labels[ReservedLabel.lease.name] = ReservedLabel.lease.value }
        request.blueprint = specification.json.serialized
        return request
    }

    /// `value` as whole seconds, rounded up; what no clock would see the end of counts as the longest there is.
    private func seconds(_ name: String, _ value: Double?) throws(Failure) -> Int32? {
        guard let value else { return nil }
        guard value >= 0 else { throw Failure(.invalidArgument, "\(name) must not be negative.") }
        return Int32(min(value.rounded(.up), Double(Int32.max)))
    }
}
