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
