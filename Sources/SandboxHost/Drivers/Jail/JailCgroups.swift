import CLinux
import GEM
import Glibc
import Synchronization

/// The cgroups of jails: a folder for each sandbox below one of the driver's own, in every hierarchy that is used.
/// Every method blocks for as long as the kernel takes, tens of microseconds a file.
final class JailCgroups: Sendable {
    typealias Controller = CgroupTree.Controller

    let version: UInt32
    /// Why a controller is not used.
    let missing: [Controller: String]
    /// The driver's folders and what each controls.
    private let branches: [CgroupTree.Branch]
    private let locks: Mutex<[Int32]>
    /// Where processor time is counted, and processes are stopped and let go on, on machines with version 1.
    private let account: String?
    private let freezer: String?

    /// - Parameters:
    ///   - name: The driver's name among all on this machine; stays the same when it is started again.
    ///   - owner: The data directory whose sandboxes these are.
    ///   - mounts: Where the machine has its cgroups.
    init(name: String, owner: String, mounts: CgroupMounts = .current()) {
        let tree = CgroupTree.branches(name: name, mounts: mounts)
        version = tree.version
        missing = tree.missing
        branches = tree.branches
        var locks = Dictionary(tree.branches.map { ($0.path, $0.lock) }, uniquingKeysWith: { first, _ in first })
        let folder = { (controller: String) -> String? in
            guard tree.version == 1, let hierarchy = mounts.v1[controller] else { return nil }
            let path = hierarchy.own + "/" + name
            if locks[path] != nil { return path }
            let lock = CgroupTree.lockedFolder(path)
            guard lock >= 0 else { return nil }
            locks[path] = lock
            return path
        }
        account = folder("cpuacct")
        freezer = folder("freezer")
        for path in locks.keys {
            // Where it cannot be noted, only a driver of the same data directory finds what is left in there.
            rock_attribute_set(path, Self.ownerAttribute, owner)
            Self.sweepRoots(beside: path)
        }
        self.locks = Mutex(Array(locks.values))
    }

    /// Says at a driver's folder which data directory it belongs to.
    private static let ownerAttribute = "trusted.rock.data"

    /// Removes the folders of drivers that nobody has locked: empty ones, which their own driver would make anew, and those
    /// whose data directory is gone, with the sandboxes in them, which nobody could ever find again.
    private static func sweepRoots(beside path: String) {
        guard let slash = path.lastIndex(of: "/") else { return }
        let parent = path[..<slash]
        for name in KernelFile.names(in: String(parent)) where name.hasPrefix(JailConfiguration.cgroupPrefix) {
            let root = "\(parent)/\(name)"
            var lock: Int32 = -1
            guard rock_lock_folder(root, 0, &lock) == 0 else { continue }
            if hasLostOwner(root) {
                for name in KernelFile.names(in: root) where SandboxID(rawValue: name) != nil {
                    end("\(root)/\(name)")
                }
            }
            // Fails where anything is inside, as it should.
            rmdir(root)
            close(lock)
        }
    }

    private static func hasLostOwner(_ root: String) -> Bool {
        var room = [CChar](repeating: 0, count: 4097)
        guard rock_attribute_get(root, ownerAttribute, &room, Int32(room.count)) > 0 else { return false }
        let owner = String(decoding: room.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        var status = stat()
        return lstat(owner, &status) != 0 && errno == ENOENT
    }

    deinit { unlock() }

    /// Lets another server take the folders over.
    func unlock() {
        locks.withLock { locks in
            for lock in locks { close(lock) }
            locks = []
        }
    }

    private var roots: [String] { Array(Set(branches.map(\.path) + [account, freezer].compactMap { $0 })).sorted() }

    /// Makes a sandbox's folders with their limits.
    ///
    /// - Returns: The files that its first process writes itself into.
    /// - Throws: ``Failure``: `isolationRefused` where a controller is missing, `infraFailed`.
    func make(_ id: SandboxID, _ limits: SandboxLimits) throws(Failure) -> [String] {
        for controller in Controller.allCases {
            guard let reason = missing[controller] else { continue }
            let remedy = Wall.memoryLimit.remedy
            throw Failure(
                .isolationRefused,
                "A sandbox cannot be held to its limits here: no cgroup for \(controller.rawValue): \(reason). \(remedy)"
            )
        }
        var held = Limits(memoryBytes: Int(limits.memoryBytes), cpus: limits.cpus)
        held.processes = limits.processes
        for root in roots where mkdir("\(root)/\(id)", 0o755) != 0 && errno != EEXIST {
            throw Failure(.infraFailed, "mkdir \(root)/\(id): \(KernelFile.reason(errno)).")
        }
        for branch in branches {
            try CgroupTree.apply(held, to: "\(branch.path)/\(id)", branch.controllers, version: version)
        }
        // Of version 1, `tasks`: moving one's only thread skips a lock that waits for every running fork of the machine.
        return roots.map { "\($0)/\(id)/\(version == 1 ? "tasks" : "cgroup.procs")" }
    }

    /// Ends what is left in a sandbox's folders and removes them.
    func remove(_ id: SandboxID) { remove(id.rawValue) }

    private func remove(_ name: String) {
        for root in roots { Self.end("\(root)/\(name)") }
    }

    /// Ends every process in a sandbox's folder and removes it, where it is a folder.
    private static func end(_ folder: String) {
        var status = stat()
        guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, rmdir(folder) != 0 else { return }
        for process in (KernelFile.read("\(folder)/cgroup.procs") ?? "").split(separator: "\n") {
            // 0 stands for a process that this one cannot see.
            guard let number = Int32(process), number > 1, number != getpid() else { continue }
            rock_kill_and_wait(number, 5_000)
        }
        rmdir(folder)
    }

    /// Removes the folders of every sandbox that is not among `kept`.
    func sweep(keeping kept: Set<SandboxID>) {
        for root in roots {
            for name in KernelFile.names(in: root) {
                if let id = SandboxID(rawValue: name), !kept.contains(id) { remove(name) }
            }
        }
    }

    /// Whether the kernel has ended a process of the sandbox for want of memory.
    func ranOutOfMemory(_ id: SandboxID) -> Bool { memoryKills(id) > 0 }

    private func memoryKills(_ id: SandboxID) -> Int64 {
        let text = read(id, .memory, version == 1 ? "memory.oom_control" : "memory.events") ?? ""
        return number(after: "oom_kill ", in: text) ?? 0
    }

    /// What the sandbox uses; members that cannot be read stay 0.
    func statistics(_ id: SandboxID) -> SandboxStatistics {
        var statistics = SandboxStatistics()
        if version == 1 {
            statistics.memoryBytes = single(read(id, .memory, "memory.usage_in_bytes"))
            let nanoseconds = account.flatMap { KernelFile.read("\($0)/\(id)/cpuacct.usage") }
            statistics.cpuMicroseconds = single(nanoseconds) / 1000
        } else {
            statistics.memoryBytes = single(read(id, .memory, "memory.current"))
            let text = read(id, .cpu, "cpu.stat") ?? ""
            statistics.cpuMicroseconds = number(after: "usage_usec ", in: text) ?? 0
        }
        statistics.processes = Int(single(read(id, .pids, "pids.current")))
        statistics.bites = bites(id)
        return statistics
    }

    private func bites(_ id: SandboxID) -> LimitBites {
        var bites = LimitBites()
        bites.memoryKills = memoryKills(id)
        bites.refusedProcesses = number(after: "max ", in: read(id, .pids, "pids.events") ?? "") ?? 0
        let text = read(id, .cpu, "cpu.stat") ?? ""
        bites.throttledMicroseconds =
            version == 1
            ? (number(after: "throttled_time ", in: text) ?? 0) / 1000
            : number(after: "throttled_usec ", in: text) ?? 0
        return bites
    }

    /// Stops every process of a sandbox, or lets them go on. Returns whether it did.
    func setFrozen(_ isFrozen: Bool, _ id: SandboxID) -> Bool {
        if version == 2 {
            guard let root = roots.first else { return false }
            return KernelFile.write(isFrozen ? "1" : "0", to: "\(root)/\(id)/cgroup.freeze") == 0
                && settles("\(root)/\(id)/cgroup.events") { $0.contains("frozen \(isFrozen ? 1 : 0)") }
        }
        guard let freezer else { return false }
        let file = "\(freezer)/\(id)/freezer.state"
        return KernelFile.write(isFrozen ? "FROZEN" : "THAWED", to: file) == 0
            && settles(file) { $0.hasPrefix(isFrozen ? "FROZEN" : "THAWED") }
    }

    /// Version 1 has no event for it: reading the state is what moves it on. Each look gives way to those that freeze.
    private func settles(_ file: String, _ isSettled: (String) -> Bool) -> Bool {
        for _ in 0..<10_000 {
            guard let text = KernelFile.read(file) else { return false }
            if isSettled(text) { return true }
            sched_yield()
        }
        return false
    }

    /// Removes the driver's own folders, if no sandbox is in them.
    func removeRoots() {
        for root in roots { rmdir(root) }
    }

    private func read(_ id: SandboxID, _ controller: Controller, _ file: String) -> String? {
        branches.first { $0.controllers.contains(controller) }.flatMap { KernelFile.read("\($0.path)/\(id)/\(file)") }
    }

    private func single(_ text: String?) -> Int64 {
        text.flatMap { Int64($0.prefix { $0 != "\n" }) } ?? 0
    }

    private func number(after name: String, in text: String) -> Int64? {
        text.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Int64($0.dropFirst(name.count)) }
    }
}
