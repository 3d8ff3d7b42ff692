import GEM
import Glibc

/// What a guest is told, in the form it reads: verbs and their words, each ending in a zero byte.
struct GuestPlan {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ verb: String, _ words: String...) {
        for word in [verb] + words {
            bytes += word.utf8
            bytes.append(0)
        }
    }

    /// - Parameters:
    ///   - specification: What the sandbox is to be; checked.
    ///   - root: What its root is made of.
    ///   - folder: The sandbox's state folder.
    ///   - firstID: Where its range of ids begins.
    ///   - cgroups: Files that the guest writes itself into.
    ///   - configuration: The driver's.
    init(
        _ specification: SandboxSpecification, _ root: JailRoot, folder: String, firstID: UInt32, cgroups: [String],
        _ configuration: JailConfiguration
    ) {
        add("program", configuration.rockletPath)
        add("ids", "\(firstID)")
        add("hostname", specification.guestHostname)
        if specification.limits.diskBytes == nil {
            add("folder", folder + "/layer")
        } else {
            add("disk", folder + "/disk")
        }
        // Half of the memory, as any tmpfs; what is in it counts as memory of the sandbox's.
        add("shared-memory", "\(specification.limits.memoryBytes / 2)")
        for file in cgroups { add("cgroup", file) }
        for part in root.parts {
            for layer in part.layers { add("lower", layer) }
            add("overlay", part.target, part.name)
        }
        for name in GuestFiles.names { add("bind", "f", "\(folder)/etc/\(name)", "/etc/\(name)") }
        for mount in specification.mounts { add("bind", mount.isReadOnly ? "r" : "w", mount.source, mount.target) }
        for argument in configuration.arguments { add("argument", argument) }
        for variable in specification.guestEnvironment(of: root.environment) { add("variable", variable) }
    }
}

extension SandboxSpecification {
    /// Whether anything of it is the network's to take away.
    var hasNetwork: Bool { network != .none || !publishedPorts.isEmpty }

    var guestHostname: String { hostname ?? id.rawValue }

    /// The image's variables, those of the request on top, and what every program expects.
    fileprivate func guestEnvironment(of image: [String]) -> [String] {
        var variables = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
            "HOSTNAME": guestHostname,
        ]
        for variable in image {
            let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
        }
        variables.merge(environment) { $1 }
        return variables.map { "\($0.key)=\($0.value)" }.sorted()
    }

    /// Refuses what no jail can be.
    ///
    /// - Throws: ``Failure`` `invalidArgument` that names what is wrong.
    func check(_ configuration: JailConfiguration) throws(Failure) {
        var limits = Limits(memoryBytes: Int(self.limits.memoryBytes), cpus: self.limits.cpus)
        limits.processes = self.limits.processes
        if let complaint = limits.complaint { throw Failure(.invalidArgument, "The sandbox's \(complaint).") }
        if let disk = self.limits.diskBytes, !(Disk.smallest...Disk.largest ~= disk) {
            throw Failure(
                .invalidArgument,
                "The sandbox's disk must be \(Disk.smallest >> 20) MiB to \(Disk.largest >> 40) TiB, not \(disk) bytes."
            )
        }
        let isLetter = { (byte: UInt8) in byte == 0x2D || byte == 0x2E || isalnum(Int32(byte)) != 0 && byte < 0x80 }
        guard 1...63 ~= guestHostname.utf8.count, guestHostname.utf8.allSatisfy(isLetter) else {
            throw Failure(
                .invalidArgument,
                "A host name has 1 to 63 letters, digits, dots or hyphens, unlike \"\(guestHostname)\".")
        }
        guard environment.count <= 1000 else {
            throw Failure(.invalidArgument, "A sandbox can have 1000 variables, not \(environment.count).")
        }
        for (name, value) in environment {
            guard !name.isEmpty, !name.utf8.contains(0x3D), !name.utf8.contains(0), !value.utf8.contains(0),
                name.utf8.count + value.utf8.count <= 128 << 10
            else {
                throw Failure(
                    .invalidArgument,
                    "The variable \"\(name)\" cannot be set: names have no \"=\", neither has a zero byte, and both together at most 128 KiB."
                )
            }
        }
        guard mounts.count <= 32 else {
            throw Failure(.invalidArgument, "A sandbox can have 32 mounts, not \(mounts.count).")
        }
        for mount in mounts { try mount.check(configuration) }
    }
}

extension SandboxMount {
    fileprivate func check(_ configuration: JailConfiguration) throws(Failure) {
        for path in [source, target] where !Self.isPlain(path) {
            throw Failure(
                .invalidArgument,
                "\"\(path)\" cannot be mounted: write an absolute path without \".\", \"..\" or doubled slashes.")
        }
        let roots = configuration.mountSources.filter { $0.holds(source) }
        guard isGranted || !roots.isEmpty else {
            throw Failure(
                .forbidden,
                "\(source) may not be mounted. Add it, or a folder above it, to runtime.allowed_mounts in the server's configuration."
            )
        }
        guard isGranted || roots.contains(where: { $0.allows(self) }) else {
            throw Failure(
                .forbidden,
                "\(source) may be mounted read-only. To have it written to, add :rw to it in runtime.allowed_mounts.")
        }
        let data = configuration.dataDirectory
        if MountRoot.folder(data, holds: source) || MountRoot.folder(source, holds: data) {
            throw Failure(.forbidden, "\(source) may not be mounted: the server's data directory is in it.")
        }
        for place in ["/proc", "/sys", "/dev"] where MountRoot.folder(place, holds: target) {
            throw Failure(.invalidArgument, "Nothing can be mounted on \(target): \(place) is the sandbox's own.")
        }
    }

    private static func isPlain(_ path: String) -> Bool {
        guard path.utf8.first == 0x2F, path.utf8.count <= 4000, path.utf8.count > 1, !path.utf8.contains(0) else {
            return false
        }
        return path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().allSatisfy {
            !$0.isEmpty && $0 != "." && $0 != ".."
        }
    }
}
