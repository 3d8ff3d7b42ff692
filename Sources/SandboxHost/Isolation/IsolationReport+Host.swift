extension IsolationReport {
    /// What a zygote and the cgroup tree found out.
    ///
    /// - Parameters:
    ///   - walls: The walls that the zygote builds, as bits.
    ///   - refusals: An errno for each bit that is not set.
    ///   - cgroups: Says which limits the kernel enforces.
    init(walls: UInt32, refusals: [Int32], cgroups: CgroupTree) {
        self.init(
            Wall.allCases.map { wall in
                if let bit = wall.bit {
                    let holds = walls & (1 << UInt32(bit)) != 0
                    let error = refusals.indices.contains(bit) ? refusals[bit] : 0
                    return Entry(
                        wall, holds: holds, reason: holds ? nil : error == 0 ? "left out" : KernelFile.reason(error))
                }
                let (controller, substitute): (CgroupTree.Controller, String)
                switch wall {
                case .memoryLimit: (controller, substitute) = (.memory, "RLIMIT_DATA and RLIMIT_AS")
                case .processLimit: (controller, substitute) = (.pids, "clone is not among the system calls allowed")
                case .cpuLimit: (controller, substitute) = (.cpu, "one thread can use no more than one processor")
                default: return Entry(wall, holds: true)
                }
                guard let reason = cgroups.missing[controller] else {
                    return Entry(wall, holds: true, reason: "cgroup")
                }
                // Each is sound only as long as the filter keeps the jail to one process of one thread.
                let isSingle = Wall.seccomp.bit.map { walls & (1 << UInt32($0)) != 0 } ?? false
                return Entry(wall, holds: isSingle, reason: isSingle ? "\(substitute); \(reason)" : reason)
            })
    }
}
