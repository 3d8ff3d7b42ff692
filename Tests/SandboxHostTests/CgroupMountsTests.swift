import Testing

@testable import SandboxHost

struct CgroupMountsTests {
    /// A kind of machine, what its /proc says, and where the memory controller's v1 folder and the v2 folder are.
    static let machines: [(name: String, mountinfo: String, memberships: String, memory: String?, unified: String?)] = [
        (
            "v2 with systemd", "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate",
            "0::/user.slice/session.scope", nil, "/sys/fs/cgroup/user.slice/session.scope"
        ),
        (
            "v1",
            """
            25 24 0:21 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            26 24 0:22 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
            """,
            "2:cpu,cpuacct:/\n1:memory:/lxc/a", "/sys/fs/cgroup/memory/lxc/a", nil
        ),
        (
            "hybrid",
            """
            25 24 0:21 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            31 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
            """,
            "1:memory:/\n0::/", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"
        ),
        (
            "a container that sees its own part only",
            "25 24 0:21 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
            "1:memory:/docker/abc/inner", "/sys/fs/cgroup/memory/inner", nil
        ),
        (
            "a cgroup namespace entered from elsewhere", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
            "0::/../../other", nil, "/sys/fs/cgroup"
        ),
        ("a blank in a path", "30 23 0:26 / /my\\040cgroup rw - cgroup2 cgroup2 rw", "0::/", nil, "/my cgroup"),
        ("nothing", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\nbroken", "broken", nil, nil),
    ]

    @Test(arguments: machines)
    func finds(name: String, mountinfo: String, memberships: String, memory: String?, unified: String?) {
        let mounts = CgroupMounts(mountinfo: mountinfo, memberships: memberships)
        #expect(mounts.v1["memory"]?.own == memory)
        #expect(mounts.v2?.own == unified)
    }
}
