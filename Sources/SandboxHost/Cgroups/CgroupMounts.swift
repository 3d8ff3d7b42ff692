/// What /proc says about the cgroups of this process: a pure reading of two texts.
struct CgroupMounts: Equatable {
    /// Where one hierarchy is mounted, and where in it this process lives.
    struct Hierarchy: Equatable {
        let mountPoint: String
        /// The folder of this process, below or equal to the mount point.
        let own: String
    }

    /// v1 hierarchies by controller.
    private(set) var v1: [String: Hierarchy] = [:]
    /// The v2 hierarchy.
    private(set) var v2: Hierarchy?

    /// - Parameters:
    ///   - mountinfo: Text of `/proc/self/mountinfo`.
    ///   - memberships: Text of `/proc/self/cgroup`.
    init(mountinfo: String, memberships: String) {
        var paths: [String: String] = [:]
        for line in memberships.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            for controller in fields[1].split(separator: ",", omittingEmptySubsequences: false) {
                paths[String(controller)] = String(fields[2])
            }
        }
        for line in mountinfo.split(separator: "\n") {
            // "36 35 98:0 /root /mount/point options optional... - type source super,options"
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, fields.count > 4 else { continue }
            let root = String(fields[3])
            let mountPoint = Self.unescaped(fields[4])
            switch fields[dash + 1] {
            case "cgroup2": v2 = Self.hierarchy(mountPoint, root: root, path: paths[""])
            case "cgroup":
                for controller in fields[dash + 3].split(separator: ",") {
                    guard let path = paths[String(controller)] else { continue }
                    v1[String(controller)] = Self.hierarchy(mountPoint, root: root, path: path)
                }
            default: break
            }
        }
    }

    /// Reads both for this process.
    static func current() -> CgroupMounts {
        CgroupMounts(
            mountinfo: KernelFile.read("/proc/self/mountinfo") ?? "",
            memberships: KernelFile.read("/proc/self/cgroup") ?? "")
    }

    private static func hierarchy(_ mountPoint: String, root: String, path: String?) -> Hierarchy {
        // A container may show only its own part of the tree: `root` is what the mount point stands for.
        var path = path ?? "/"
        if root != "/" && (path == root || path.hasPrefix(root + "/")) { path.removeFirst(root.count) }
        let isInside = path.hasPrefix("/") && !path.hasPrefix("/..") && path != "/"
        return Hierarchy(mountPoint: mountPoint, own: isInside ? mountPoint + path : mountPoint)
    }

    /// Blanks and backslashes in paths are written as three octal digits.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == 0x5C, digits.count == 3, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8) {
                bytes.append(value)
                rest.removeFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
