import CLinux

/// One thing that stands between a sandbox and the machine.
public enum Wall: String, CaseIterable, Sendable {
    case userNamespace = "user_namespace"
    case mountNamespace = "mount_namespace"
    case pidNamespace = "pid_namespace"
    case ipcNamespace = "ipc_namespace"
    case utsNamespace = "uts_namespace"
    case networkNamespace = "network_namespace"
    /// The root folder is empty and read-only.
    case emptyRoot = "empty_root"
    /// The process has none and can gain none.
    case capabilities
    case noNewPrivileges = "no_new_privileges"
    /// Only the system calls that an environment needs.
    case seccomp
    case memoryLimit = "memory_limit"
    case cpuLimit = "cpu_limit"
    case processLimit = "process_limit"
    /// Nothing is open but the sandbox's own socket.
    case descriptors

    /// The wall's bit in the zygote's messages; `nil` for those that the zygote does not build.
    var bit: Int? {
        let bits: [Wall] = [
            .userNamespace, .mountNamespace, .pidNamespace, .ipcNamespace, .utsNamespace, .networkNamespace, .emptyRoot,
            .capabilities, .noNewPrivileges, .seccomp,
        ]
        return bits.firstIndex(of: self)
    }

    /// What a person can do about a wall that does not hold.
    var remedy: String {
        switch self {
        case .userNamespace:
            "Allow user namespaces: sysctl -w user.max_user_namespaces=100000; on Debian before 11 also "
                + "kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0."
        case .mountNamespace, .pidNamespace, .ipcNamespace, .utsNamespace, .networkNamespace:
            "Run as root or allow user namespaces; check sysctl user.max_\(namespace)_namespaces; in a container add the "
                + "capability SYS_ADMIN or a seccomp profile that lets clone3 through."
        case .emptyRoot:
            "Run where mount and pivot_root are allowed: as root, or with user namespaces, not under chroot."
        case .capabilities, .noNewPrivileges, .descriptors: "Use Linux 5.9 or newer."
        case .seccomp: "Use a kernel built with CONFIG_SECCOMP_FILTER."
        case .memoryLimit, .cpuLimit, .processLimit:
            "Give the server a cgroup of its own: run it as root, or with systemd-run --user --scope -p Delegate=yes."
        }
    }

    private var namespace: String {
        switch self {
        case .mountNamespace: "mnt"
        case .pidNamespace: "pid"
        case .ipcNamespace: "ipc"
        case .utsNamespace: "uts"
        case .networkNamespace: "net"
        default: "user"
        }
    }
}
