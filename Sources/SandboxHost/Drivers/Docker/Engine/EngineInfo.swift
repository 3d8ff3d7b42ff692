import GEM

/// What an engine can enforce, as `GET /info` says.
struct EngineInfo: Equatable, Sendable {
    let limitsMemory: Bool
    let limitsSwap: Bool
    let limitsProcessors: Bool
    let limitsProcesses: Bool
    let filtersSystemCalls: Bool
    /// Whether root inside is somebody else outside.
    let mapsUsers: Bool
    /// Whether the files that containers see need labels.
    let labelsFiles: Bool
    let storage: String
    let backingStorage: String
    let cgroups: String

    init(_ json: JSON) throws(EngineError) {
        guard let memory = json["MemoryLimit"]?.bool else {
            throw EngineError(kind: .garbage, message: "The container engine does not say what it can limit.")
        }
        limitsMemory = memory
        limitsSwap = json["SwapLimit"]?.bool ?? false
        limitsProcessors = json["CpuCfsQuota"]?.bool ?? json["CPUCfsQuota"]?.bool ?? false
        limitsProcesses = json["PidsLimit"]?.bool ?? false
        // Each option is `name=seccomp,profile=default` or so.
        let options = (json["SecurityOptions"]?.array ?? []).compactMap(\.string)
        let names = Set(options.compactMap { $0.split(separator: ",").first.map(String.init) })
        // Whatever profile it has of its own: each container is given one.
        filtersSystemCalls = names.contains("name=seccomp")
        mapsUsers =
            names.contains("name=rootless") || names.contains("name=userns") || json["Rootless"]?.bool == true
        labelsFiles = names.contains("name=selinux")
        storage = json["Driver"]?.string ?? "unknown"
        let details = json["DriverStatus"]?.array ?? []
        backingStorage = details.first { $0[0]?.string == "Backing Filesystem" }?[1]?.string ?? "unknown"
        cgroups =
            "v\(json["CgroupVersion"]?.string ?? "1"), driver \(json["CgroupDriver"]?.string ?? "unknown")"
    }
}
