import CLinux
import GEM
import Glibc

/// Podman's seccomp profile, less what no sandbox needs and jails refuse, too: further namespaces, mounts, keys, descriptors of
/// other processes, `io_uring`, and every kind of socket but Unix, IPv4, IPv6 and netlink for routes.
///
/// Docker's own profile refuses most of this already, and cannot be read from outside of the engine.
enum ContainerSeccomp {
    /// Where Podman looks, the administrator's before the distribution's.
    private static let places = ["/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json"]

    private static let refused = [
        "unshare", "setns", "pidfd_getfd", "add_key", "keyctl", "request_key", "mount", "umount", "umount2",
        "pivot_root", "mount_setattr", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
        "io_uring_setup", "io_uring_enter", "io_uring_register", "reboot",
    ]

    /// The profile; `nil` where there is none to begin with.
    static func profile() -> JSON? {
        for place in places {
            guard let text = KernelFile.read(place), let json = try? JSON(parsing: text) else { continue }
            return tightened(json)
        }
        return nil
    }

    static func tightened(_ profile: JSON) -> JSON? {
        guard var object = profile.object, let rules = object["syscalls"]?.array else { return nil }
        let dropped = Set(refused + ["clone", "clone3", "socket"])
        var kept: [JSON] = []
        for rule in rules {
            guard var members = rule.object, let names = members["names"]?.array else { return nil }
            let left = names.filter { name in name.string.map { !dropped.contains($0) } ?? false }
            guard !left.isEmpty else { continue }
            members["names"] = .array(left)
            kept.append(.object(members))
        }
        kept.append(
            ["names": .array(refused.map { .string($0) }), "action": "SCMP_ACT_ERRNO", "errnoRet": 1])
        // Every flag that makes a namespace; `clone3` hides its flags, and programs do without it where it is not there.
        kept.append(rule("clone", "ALLOW", [argument(0, 0x7E02_0000, "MASKED_EQ")]))
        kept.append(["names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38])
        for family in [AF_UNIX, AF_INET, AF_INET6] {
            kept.append(rule("socket", "ALLOW", [argument(0, Int(family), "EQ")]))
        }
        kept.append(rule("socket", "ALLOW", [argument(0, Int(AF_NETLINK), "EQ"), argument(2, 0, "EQ")]))
        object["syscalls"] = .array(kept)
        return .object(object)
    }

    private static func rule(_ name: String, _ action: String, _ arguments: [JSON]) -> JSON {
        ["names": [.string(name)], "action": .string("SCMP_ACT_" + action), "args": .array(arguments)]
    }

    /// A comparison of one argument; that with a mask wants no bit of `value` to be set.
    private static func argument(_ index: Int, _ value: Int, _ comparison: String) -> JSON {
        [
            "index": .number(JSON.Number(index)), "value": .number(JSON.Number(value)), "valueTwo": 0,
            "op": .string("SCMP_CMP_" + comparison),
        ]
    }

    /// Writes the profile for an engine to read.
    ///
    /// - Parameter path: A file that no sandbox sees.
    /// - Returns: Whether there is one.
    /// - Throws: ``Failure`` `infraFailed`.
    static func write(to path: String) throws(Failure) -> Bool {
        guard let profile = profile() else { return false }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw Failure(.infraFailed, "\(path) cannot be made: \(KernelFile.reason(errno)).")
        }
        defer { close(descriptor) }
        let bytes = profile.serialized
        let error = -rock_write_all(descriptor, bytes, bytes.count)
        guard error == 0 else {
            throw Failure(.infraFailed, "\(path) cannot be written: \(KernelFile.reason(error)).")
        }
        return true
    }
}
