/// Which walls stand around a jail with a root filesystem, as JSON.
///
/// A jail that lacks one of them is never started, so what it says is always complete; what stands where nothing was asked
/// for, such as a limit of its disk, is not among them.
enum JailIsolation {
    static func json(_ specification: SandboxSpecification) -> [UInt8] {
        var walls = [
            "user_namespace", "mount_namespace", "pid_namespace", "ipc_namespace", "uts_namespace", "network_namespace",
            "cgroup_namespace", "private_root", "masked_proc", "capabilities", "seccomp", "no_nested_namespaces",
            "memory_limit", "cpu_limit", "process_limit", "network_policy",
        ]
        if specification.limits.diskBytes != nil { walls.append("disk_limit") }
        let members = walls.map { "\"\($0)\":true" }.joined(separator: ",")
        return Array("{\"complete\":true,\"walls\":{\(members)},\"missing\":[]}".utf8)
    }
}
