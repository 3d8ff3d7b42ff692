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
    /// Which walls hold, in a few words.
    package var isolation: String
    package let cpus: Double
    package let memoryBytes: Int64
    package let authorizationEncrypted: String?
    /// What few clients ask for; `nil` where this one asked for none of it.
    var extras: SandboxExtras?
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
    @CompactTime package internal(set) var startTime: Timestamp?
    @CompactTime package internal(set) var stopTime: Timestamp?
    @CompactTime package internal(set) var archiveTime: Timestamp?
    @CompactTime package internal(set) var deleteTime: Timestamp?
    /// When it will be stopped unless it is used before.
    @CompactTime package internal(set) var autoStopTime: Timestamp?
    @CompactTime package internal(set) var autoArchiveTime: Timestamp?
    @CompactTime package internal(set) var autoDeleteTime: Timestamp?
    /// The latest moves, oldest first; the file keeps all of them.
    package internal(set) var history: [SandboxTransition] = []
    /// How many moves there have been.
    package internal(set) var moveCount: Int32 = 0

    /// Moves kept in memory: a sandbox that is restarted for ever must not grow for ever.
    package static let historyLimit = 64
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
        memoryBytes = request.memoryBytes
        authorizationEncrypted = request.authorizationEncrypted
        extras = SandboxExtras(request)
        autoClearSeconds = request.autoClearSeconds
        autoArchiveSeconds = request.autoArchiveSeconds
        autoDeleteSeconds = request.autoDeleteSeconds
        labels = request.labels.sorted { $0.key < $1.key }.map { SandboxLabel(name: $0.key, value: $0.value) }
    }
}
