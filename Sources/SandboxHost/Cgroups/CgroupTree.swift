import CLinux
import GEM
import Glibc
import Synchronization

/// The host's own part of the cgroup tree: one folder for each jail's slot, used again by the slot's next jail, because
/// making and removing folders costs more than making a jail.
///
/// Every method that touches files blocks for as long as the kernel takes, tens of microseconds a file.
final class CgroupTree: Sendable {
    enum Controller: String, CaseIterable {
        case memory, cpu, pids
    }

    /// One folder that holds a folder for each slot.
    struct Branch: Sendable {
        let path: String
        let controllers: Set<Controller>
        let lock: Int32
    }

    /// What a slot's folders hold.
    private struct Slot {
        var limits: Limits?
        var oomKills = 0
    }

    /// 1 or 2. Where a machine mounts both, the three controllers are taken from v1 if any of them is there.
    let version: UInt32
    /// Why a controller is not used.
    let missing: [Controller: String]
    let branches: [Branch]
    private let slots = Mutex<[UInt32: Slot]>([:])
    /// Held open for as long as the host lives: they tell a living host's folders from a dead one's. Shared with the
    /// zygote, which may live longer.
    private let locks: Mutex<[Int32]>

    /// The folders that a zygote needs to know.
    var folders: [String] { branches.map(\.path) }

    /// Makes the folders, after removing those of hosts that have died.
    ///
    /// - Parameters:
    ///   - name: The host's name among all hosts of the machine.
    ///   - mounts: Where the machine has its cgroups.
    init(name: String, mounts: CgroupMounts = .current()) {
        (version, branches, missing) = Self.branches(name: name, mounts: mounts, isShared: true)
        locks = Mutex(branches.map(\.lock))
    }

    /// Goes on with the folders of a host that was killed, while its zygote holds them.
    ///
    /// - Parameters:
    ///   - version: 1 or 2.
    ///   - branches: Its folders.
    ///   - missing: The controllers that it did not have.
    ///   - living: The slots that jails are in.
    init(version: UInt32, branches: [Branch], missing: [Controller: String], living: some Sequence<UInt32>) {
        (self.version, self.branches, self.missing) = (version, branches, missing)
        locks = Mutex(branches.map(\.lock))
        // What is in a folder is written anew before its next jail; that it is there is remembered, to remove it.
        let folders = Set(branches.flatMap { KernelFile.names(in: $0.path) }).filter { $0.hasPrefix("s") }
        let found = Set(folders.compactMap { UInt32($0.dropFirst()) })
        slots.withLock { slots in
            for slot in found.union(living) { slots[slot] = Slot() }
        }
        // A jail is not to be taken for one that wanted too much memory because another one before it did.
        for slot in living { _ = takeOutOfMemory(slot) }
    }

    /// Makes and locks a host's own folders, one in each hierarchy.
    ///
    /// - Parameters:
    ///   - name: The host's name among all hosts of the machine.
    ///   - mounts: Where the machine has its cgroups.
    ///   - isShared: Whether the locks can be shared with other processes.
    /// - Returns: The version of the hierarchies, the folders, and why others are missing.
    static func branches(
        name: String, mounts: CgroupMounts, isShared: Bool = false
    ) -> (version: UInt32, branches: [Branch], missing: [Controller: String]) {
        var missing: [Controller: String] = [:]
        var branches: [Branch] = []
        guard Controller.allCases.contains(where: { mounts.v1[$0.rawValue] != nil }) else {
            switch makeUnified(name: name, mounts: mounts, isShared: isShared) {
            case .success(let branch): branches = [branch]
            case .failure(let refusal): for controller in Controller.allCases { missing[controller] = refusal.reason }
            }
            return (2, branches, missing)
        }
        var byPath: [String: Set<Controller>] = [:]
        for controller in Controller.allCases {
            guard let hierarchy = mounts.v1[controller.rawValue] else {
                missing[controller] = "no cgroup v1 hierarchy has it, and others are v1"
                continue
            }
            byPath[hierarchy.own + "/" + name, default: []].insert(controller)
        }
        for (path, controllers) in byPath.sorted(by: { $0.key < $1.key }) {
            let lock = makeAnew(path, isShared: isShared)
            guard lock >= 0 else {
                for controller in controllers { missing[controller] = refusal("mkdir", path, -lock) }
                continue
            }
            branches.append(Branch(path: path, controllers: controllers, lock: lock))
        }
        return (1, branches, missing)
    }

    deinit { unlock() }

    private func unlock() {
        locks.withLock { locks in
            for lock in locks { close(lock) }
            locks = []
        }
    }

    /// The name of a slot's folders; empty where there are none to have.
    func folderName(of slot: UInt32) -> String { branches.isEmpty ? "" : "s\(slot)" }

    /// Whether ``prepare(_:for:)`` would have nothing to do.
    func isPrepared(_ slot: UInt32, for limits: Limits) -> Bool {
        branches.isEmpty || slots.withLock { $0[slot]?.limits == limits }
    }

    /// Makes `slot`'s folders if they are not there and writes what they do not hold yet.
    func prepare(_ slot: UInt32, for limits: Limits) throws(Failure) {
        let current = slots.withLock { $0[slot] }
        guard current?.limits != limits else { return }
        for branch in branches {
            let folder = "\(branch.path)/\(folderName(of: slot))"
            if current?.limits == nil, mkdir(folder, 0o755) != 0, errno != EEXIST {
                throw Failure(.infraFailed, Self.refusal("mkdir", folder, errno) + ".")
            }
            try Self.apply(limits, to: folder, branch.controllers, version: version)
        }
        slots.withLock { $0[slot, default: Slot()].limits = limits }
    }

    /// Whether the kernel has ended a process of `slot` for want of memory since this was last asked.
    func takeOutOfMemory(_ slot: UInt32) -> Bool {
        guard let branch = branches.first(where: { $0.controllers.contains(.memory) }) else { return false }
        let file = version == 1 ? "memory.oom_control" : "memory.events"
        let text = KernelFile.read("\(branch.path)/\(folderName(of: slot))/\(file)") ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
        guard let kills = line.flatMap({ Int($0.dropFirst("oom_kill ".count)) }) else { return false }
        return slots.withLock { slots in
            defer { slots[slot]?.oomKills = kills }
            return kills > slots[slot]?.oomKills ?? 0
        }
    }

    /// Removes the folders of a slot whose jail has ended.
    func remove(_ slot: UInt32) {
        for branch in branches { rmdir("\(branch.path)/\(folderName(of: slot))") }
        slots.withLock { $0[slot] = nil }
    }

    /// Removes everything; no jail may be left.
    func removeAll() {
        let used = slots.withLock { Array($0.keys) }
        for slot in used { remove(slot) }
        for branch in branches { rmdir(branch.path) }
        unlock()
    }

    // MARK: - Limits

    /// Writes `limits` into a cgroup's folder.
    static func apply(
        _ limits: Limits, to folder: String, _ controllers: Set<Controller>, version: UInt32
    ) throws(Failure) {
        for (file, text, isOptional) in settings(limits, controllers, version: version) {
            let error = KernelFile.write(text, to: "\(folder)/\(file)")
            if error != 0 && !(isOptional && error == ENOENT) {
                throw Failure(.infraFailed, refusal("write \(text) to", "\(folder)/\(file)", error) + ".")
            }
        }
    }

    /// What the kernel is told, in order; the last member says that an older kernel may lack the file.
    private static func settings(
        _ limits: Limits, _ controllers: Set<Controller>, version: UInt32
    ) -> [(String, String, Bool)] {
        var settings: [(String, String, Bool)] = []
        let period = 100_000
        let quota = max(1000, Int(limits.cpus * Double(period)))
        if controllers.contains(.memory) {
            if version == 1 {
                // Memory and swap together may not be below memory alone, so the sum is lifted first.
                settings.append(("memory.memsw.limit_in_bytes", "-1", true))
                settings.append(("memory.limit_in_bytes", "\(limits.memoryBytes)", false))
                settings.append(("memory.memsw.limit_in_bytes", "\(limits.memoryBytes)", true))
            } else {
                settings.append(("memory.max", "\(limits.memoryBytes)", false))
                settings.append(("memory.swap.max", "0", true))
            }
        }
        if controllers.contains(.cpu) {
            if version == 1 {
                settings.append(("cpu.cfs_period_us", "\(period)", false))
                settings.append(("cpu.cfs_quota_us", "\(quota)", false))
            } else {
                settings.append(("cpu.max", "\(quota) \(period)", false))
            }
        }
        if controllers.contains(.pids) { settings.append(("pids.max", "\(limits.processes)", false)) }
        return settings
    }

    // MARK: - Making the host's folder

    private struct Refusal: Error {
        let reason: String
    }

    /// Finds a place in the v2 tree whose children can have all three controllers.
    private static func makeUnified(
        name: String, mounts: CgroupMounts, isShared: Bool
    ) -> Result<Branch, Refusal> {
        guard let hierarchy = mounts.v2 else { return .failure(Refusal(reason: "no cgroup file system is mounted")) }
        var reason = ""
        // A folder with processes in it cannot give controllers to its children; the root can. So root takes the top.
        for parent in geteuid() == 0 ? [hierarchy.mountPoint, hierarchy.own] : [hierarchy.own] {
            let error = enable(in: parent)
            guard error == 0 else {
                reason = refusal("enable memory, cpu and pids in", "\(parent)/cgroup.subtree_control", error)
                continue
            }
            let path = parent + "/" + name
            let lock = makeAnew(path, isShared: isShared)
            let failure = lock < 0 ? -lock : enable(in: path)
            if failure == 0 {
                return .success(Branch(path: path, controllers: Set(Controller.allCases), lock: lock))
            }
            reason = refusal("mkdir", path, failure)
            if lock >= 0 { close(lock) }
        }
        return .failure(Refusal(reason: reason))
    }

    /// Lets the children of `folder` have the controllers. Returns 0 or an errno.
    private static func enable(in folder: String) -> Int32 {
        let file = "\(folder)/cgroup.subtree_control"
        let enabled = (KernelFile.read(file) ?? "").split(whereSeparator: { $0 == " " || $0 == "\n" })
        if Controller.allCases.allSatisfy({ enabled.contains(Substring($0.rawValue)) }) { return 0 }
        let wanted = Controller.allCases.map { "+" + $0.rawValue }.joined(separator: " ")
        let error = KernelFile.write(wanted, to: file)
        guard error == EBUSY, moveAside(in: folder) else { return error }
        return KernelFile.write(wanted, to: file)
    }

    /// A delegated folder holds the server itself: moves it one level down, if nobody else is there.
    private static func moveAside(in folder: String) -> Bool {
        let inside = (KernelFile.read("\(folder)/cgroup.procs") ?? "").split(separator: "\n")
        guard inside == [Substring(String(getpid()))] else { return false }
        let leaf = "\(folder)/rock-server"
        guard mkdir(leaf, 0o755) == 0 || errno == EEXIST else { return false }
        return KernelFile.write("0", to: "\(leaf)/cgroup.procs") == 0
    }

    /// Makes the folder and locks it, after removing what an earlier host left there, and all other folders of hosts
    /// that have died: those that nobody has locked. Returns the lock, or -errno.
    private static func makeAnew(_ path: String, isShared: Bool) -> Int32 {
        guard let slash = path.lastIndex(of: "/") else { return -EINVAL }
        let parent = String(path[..<slash])
        for name in KernelFile.names(in: parent) where name.hasPrefix("rock-") {
            var lock: Int32 = -1
            guard rock_lock_folder("\(parent)/\(name)", 0, &lock) == 0 else { continue }
            removeRemains("\(parent)/\(name)")
            close(lock)
        }
        return lockedFolder(path, isShared: isShared)
    }

    /// Makes a folder unless it is there, and locks it. Returns the lock, or -errno.
    static func lockedFolder(_ path: String, isShared: Bool = false) -> Int32 {
        // Another host that starts now may take the new folder for a dead one's before it is locked, and hold its lock
        // for as long as it takes to remove it.
        for _ in 0..<100 {
            if mkdir(path, 0o755) != 0 && errno != EEXIST { return -errno }
            var lock: Int32 = -1
            let result = isShared ? rock_share_folder(path, &lock) : rock_lock_folder(path, 1, &lock)
            if result == 0 && access(path, F_OK) == 0 { return lock }
            if result == 0 { close(lock) }
        }
        return -EBUSY
    }

    /// Ends every process that a dead host left in its jails' folders, and removes them.
    private static func removeRemains(_ path: String) {
        for name in KernelFile.names(in: path) where name.hasPrefix("s") {
            let folder = "\(path)/\(name)"
            for process in (KernelFile.read("\(folder)/cgroup.procs") ?? "").split(separator: "\n") {
                guard let number = Int32(process), number > 0 else { continue }
                rock_kill_and_wait(number, 5_000)
            }
            rmdir(folder)
        }
        rmdir(path)
    }

    private static func refusal(_ verb: String, _ path: String, _ error: Int32) -> String {
        "\(verb) \(path): \(KernelFile.reason(error))"
    }
}
