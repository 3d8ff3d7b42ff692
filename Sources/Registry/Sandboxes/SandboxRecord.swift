/// Everything that is known of one sandbox.
///
/// What never changes is constant; the state, its history and the times that go with it change through
/// ``RegistryTransaction/move(_:by:reason:)`` alone.
package struct SandboxRecord: Equatable, Sendable {
    /// Counts sandboxes in the order of their creation; never used twice.
    package let serial: Int64
    /// The number of the last change to this record, see ``SandboxChange``.
    package internal(set) var revision: Int64 = 0

    // What was asked for.
    package let id: String
    package internal(set) var image: String
    package internal(set) var userID: String
    package internal(set) var experimentID: String
    package internal(set) var namespace: String
    package internal(set) var clusterName: String
    package internal(set) var driver: String
    /// Which walls hold, as the driver names them.
    package internal(set) var isolation: String
    package let cpus: Double
    package let limitCPUs: Double?
    package let memoryBytes: Int64
    package let numGPUs: Double?
    package internal(set) var acceleratorType: String?
    /// As the client wrote them.
    package internal(set) var disk: String?
    package internal(set) var diskLimitRootfs: String?
    package let authToken: String?
    package let authorizationEncrypted: String?
    package let createUserGrayFlag: Bool?
    /// Idle seconds after which it is stopped; `nil` is never.
    package let autoClearSeconds: Int32?
    /// Seconds after the stop; `nil` is never.
    package let autoArchiveSeconds: Int32?
    package let autoDeleteSeconds: Int32?
    package let createTime: Timestamp

    // What became of it.
    package internal(set) var state: SandboxState = .pending
    /// The host that carries it, as placement names it; empty until placed.
    package var hostID = ""
    package var hostName = ""
    package var hostIP = ""
    package var phases = SandboxPhase.initial
    package var ports: [PortMapping] = []
    /// Sorted by name; a name occurs once.
    package internal(set) var labels: [SandboxLabel] = []
    /// Why it stopped, for people.
    package internal(set) var reason: String?
    package internal(set) var startTime: Timestamp?
    package internal(set) var stopTime: Timestamp?
    package internal(set) var archiveTime: Timestamp?
    package internal(set) var deleteTime: Timestamp?
    /// When it will be stopped unless it is used before.
    package internal(set) var autoStopTime: Timestamp?
    package internal(set) var autoArchiveTime: Timestamp?
    package internal(set) var autoDeleteTime: Timestamp?
    /// The latest moves, oldest first; the file keeps all of them.
    package internal(set) var history: [SandboxTransition] = []
    /// How many moves there have been.
    package internal(set) var moveCount: Int32 = 0

    /// Moves kept in memory: a sandbox that is restarted for ever must not grow for ever.
    package static let historyLimit = 64
}

/// What a client asks for when it creates a sandbox.
package struct SandboxRequest: Sendable {
    package var id: String
    package var image = "python:3.11"
    package var userID = "default"
    package var experimentID = "default"
    package var namespace = "default"
    package var clusterName = "default"
    package var driver = ""
    package var isolation = ""
    package var cpus = 2.0
    package var limitCPUs: Double?
    package var memoryBytes: Int64 = 8 << 30
    package var numGPUs: Double?
    package var acceleratorType: String?
    package var disk: String?
    package var diskLimitRootfs: String?
    package var authToken: String?
    package var authorizationEncrypted: String?
    package var createUserGrayFlag: Bool?
    package var autoClearSeconds: Int32? = 360 * 60
    package var autoArchiveSeconds: Int32?
    package var autoDeleteSeconds: Int32?
    package var labels: [String: String] = [:]
    /// Whatever else its start needs, kept for restarts; the registry does not look inside.
    package var blueprint: [UInt8]?

    package init(id: String) { self.id = id }

    /// The longest of each text, in bytes of UTF-8: what a client may make the registry keep in memory.
    package static let textLimit = 1024
    package static let labelLimit = 32
    package static let blueprintLimit = 256 << 10

    /// - Throws: ``RegistryError`` with code `invalidArgument` and the field's name.
    func check() throws(RegistryError) {
        func refuse(_ field: String, _ rule: String) -> RegistryError {
            RegistryError(.invalidArgument, "\(field) of a sandbox \(rule)")
        }
        guard 1...128 ~= id.utf8.count else { throw refuse("sandbox_id", "must have 1 to 128 bytes") }
        let texts = [
            ("image", image), ("user_id", userID), ("experiment_id", experimentID), ("namespace", namespace),
            ("cluster_name", clusterName), ("driver", driver), ("isolation", isolation),
            ("accelerator_type", acceleratorType ?? ""), ("disk", disk ?? ""),
            ("disk_limit_rootfs", diskLimitRootfs ?? ""), ("auth_token", authToken ?? ""),
            ("rock_authorization_encrypted", authorizationEncrypted ?? ""),
        ]
        for (field, text) in texts where text.utf8.count > Self.textLimit {
            throw refuse(field, "has \(text.utf8.count) bytes, at most \(Self.textLimit) are kept")
        }
        for (field, number) in [("cpus", cpus), ("limit_cpus", limitCPUs ?? 1), ("num_gpus", numGPUs ?? 0)]
        where !(0...1e6 ~= number) { throw refuse(field, "must be a number from 0 to 1,000,000, not \(number)") }
        guard memoryBytes >= 0 else { throw refuse("memory", "must not be negative") }
        for seconds in [autoClearSeconds, autoArchiveSeconds, autoDeleteSeconds] where (seconds ?? 0) < 0 {
            throw refuse("auto_*_seconds", "must not be negative")
        }
        guard labels.count <= Self.labelLimit,
            labels.allSatisfy({ 1...128 ~= $0.key.utf8.count && $0.value.utf8.count <= Self.textLimit })
        else {
            throw refuse(
                "metadata", "has at most \(Self.labelLimit) names of 1 to 128 bytes with texts of \(Self.textLimit)")
        }
        guard (blueprint?.count ?? 0) <= Self.blueprintLimit else {
            throw refuse("blueprint", "has \(blueprint?.count ?? 0) bytes, at most \(Self.blueprintLimit) are kept")
        }
    }
}

extension SandboxRecord {
    init(_ request: SandboxRequest, serial: Int64, createTime: Timestamp) {
        self.serial = serial
        self.createTime = createTime
        id = request.id
        image = request.image
        userID = request.userID
        experimentID = request.experimentID
        namespace = request.namespace
        clusterName = request.clusterName
        driver = request.driver
        isolation = request.isolation
        cpus = request.cpus
        limitCPUs = request.limitCPUs
        memoryBytes = request.memoryBytes
        numGPUs = request.numGPUs
        acceleratorType = request.acceleratorType
        disk = request.disk
        diskLimitRootfs = request.diskLimitRootfs
        authToken = request.authToken
        authorizationEncrypted = request.authorizationEncrypted
        createUserGrayFlag = request.createUserGrayFlag
        autoClearSeconds = request.autoClearSeconds
        autoArchiveSeconds = request.autoArchiveSeconds
        autoDeleteSeconds = request.autoDeleteSeconds
        labels = request.labels.sorted { $0.key < $1.key }.map { SandboxLabel(name: $0.key, value: $0.value) }
    }
}
