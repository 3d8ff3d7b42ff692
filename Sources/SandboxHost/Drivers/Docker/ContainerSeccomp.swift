import GEM

/// Which system calls programs in containers may make: as those in jails, in the form that engines read.
///
/// Engines' own profiles differ. Podman's, for one, lets a program make user namespaces and open sockets of the packet filter
/// and of hypervisors. What a jail forbids by a count of namespaces (`clone3`, whose flags no filter sees) is absent here, and
/// C libraries use `clone` then.
enum ContainerSeccomp {
    /// The profile. A call that it does not name is absent, as a newer one would be.
    static let profile: JSON = [
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        // No other word sizes: their calls are not the ones named here.
        "archMap": [
            ["architecture": "SCMP_ARCH_X86_64", "subArchitectures": []],
            ["architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []],
        ],
        "syscalls": .array(rules),
    ]

    /// The profile as Docker's API takes it; Podman's takes the path of a file that holds it.
    static let text = String(decoding: profile.serialized, as: UTF8.self)

    private static var rules: [JSON] {
        [
            allow(names(allowed)),
            refuse(names(refused), errno: 1),
            // Named, because engines before Docker 23 do not read the default's error, and C libraries want this one.
            refuse(names("clone3 io_uring_setup io_uring_enter io_uring_register"), errno: 38),
            allow(["clone"], where: [Argument(0, namespaces, equals: 0)]),
        ] + namespaceBits.map { refuse(["clone"], errno: 1, where: [Argument(0, $0, equals: $0)]) }
            + cases("ioctl", 1, refused: [0x5412, 0x541C])  // TIOCSTI, TIOCLINUX
            + cases("personality", 0, allowed: [0, 0x8, 0x20000, 0xFFFF_FFFF])
            + sockets
    }

    /// Unix, IPv4, IPv6, and of netlink only the routing table. Programs take the error that others get as the kernel's word
    /// that it was built without them; `useradd` gives up at any other from the audit system's socket.
    private static var sockets: [JSON] {
        let netlink: UInt32 = 16
        let noSuchFamily = 97
        return [1, 2, 10].map { allow(["socket"], where: [Argument(0, equals: $0)]) }
            + [allow(["socket"], where: [Argument(0, equals: netlink), Argument(2, equals: 0)])]
            + others(than: [0]).map {
                refuse(["socket"], errno: noSuchFamily, where: [Argument(0, equals: netlink), $0.of(2)])
            }
            + others(than: [1, 2, 10, netlink]).map { refuse(["socket"], errno: noSuchFamily, where: [$0.of(0)]) }
    }

    /// Every flag of `clone` that makes a namespace.
    private static let namespaces: UInt32 = 0x7E02_0000
    private static let namespaceBits = (0..<32).map { UInt32(1) << $0 }.filter { $0 & namespaces != 0 }

    // MARK: Rules

    /// A comparison of the low half of an argument under a mask. Kernels look at no more of the arguments compared here.
    struct Argument {
        var index = 0
        let mask: UInt32
        let value: UInt32

        init(_ index: Int, _ mask: UInt32 = .max, equals value: UInt32) {
            self.index = index
            self.mask = mask
            self.value = value
        }

        func of(_ index: Int) -> Argument { Argument(index, mask, equals: value) }

        var json: JSON {
            [
                "index": .number(JSON.Number(index)), "value": .number(JSON.Number(Int(mask))),
                "valueTwo": .number(JSON.Number(Int(value))), "op": "SCMP_CMP_MASKED_EQ",
            ]
        }
    }

    /// Comparisons of which exactly one holds for each number that is not in `numbers`, and none for those.
    ///
    /// A rule compares an argument once, so "neither this nor that" is said by the first bits in which a number differs.
    static func others(than numbers: [UInt32]) -> [Argument] {
        var found: [Argument] = []
        func divide(_ prefix: UInt32, _ bit: Int) {
            let mask = bit == 32 ? 0 : ~((UInt32(1) << bit) &- 1)
            guard numbers.contains(where: { $0 & mask == prefix }) else {
                return found.append(Argument(0, mask, equals: prefix))
            }
            guard bit > 0 else { return }
            divide(prefix, bit - 1)
            divide(prefix | UInt32(1) << (bit - 1), bit - 1)
        }
        divide(0, 32)
        return found
    }

    /// Allows a call unless its argument is among `refused`.
    private static func cases(_ name: String, _ index: Int, refused: [UInt32]) -> [JSON] {
        others(than: refused).map { allow([.string(name)], where: [$0.of(index)]) }
            + refused.map { refuse([.string(name)], errno: 1, where: [Argument(index, equals: $0)]) }
    }

    /// Refuses a call unless its argument is among `allowed`.
    private static func cases(_ name: String, _ index: Int, allowed: [UInt32]) -> [JSON] {
        others(than: allowed).map { refuse([.string(name)], errno: 1, where: [$0.of(index)]) }
            + allowed.map { allow([.string(name)], where: [Argument(index, equals: $0)]) }
    }

    private static func allow(_ names: [JSON], where arguments: [Argument] = []) -> JSON {
        ["names": .array(names), "action": "SCMP_ACT_ALLOW", "args": .array(arguments.map(\.json))]
    }

    private static func refuse(_ names: [JSON], errno: Int, where arguments: [Argument] = []) -> JSON {
        [
            "names": .array(names), "action": "SCMP_ACT_ERRNO", "errnoRet": .number(JSON.Number(errno)),
            "args": .array(arguments.map(\.json)),
        ]
    }

    private static func names(_ text: String) -> [JSON] { text.split(separator: " ").map { .string(String($0)) } }

    // MARK: Calls, of x86-64 and arm64

    private static let allowed =
        """
        accept accept4 access alarm arch_prctl bind brk cachestat capget capset chdir chmod chown chroot \
        clock_getres clock_gettime clock_nanosleep close close_range connect copy_file_range creat dup dup2 \
        dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 \
        execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark \
        fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork \
        fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv \
        futex_wake futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 \
        getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority \
        getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday \
        getuid getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy \
        io_getevents io_pgetevents io_setup io_submit ioprio_get ioprio_set kill landlock_add_rule \
        landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listmount \
        listxattr llistxattr lremovexattr lseek lsetxattr lsm_get_self_attr lsm_list_modules lstat madvise \
        map_shadow_stack mbind membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat \
        mlock mlock2 mlockall mmap mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend \
        mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at \
        nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc \
        pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 process_madvise \
        process_mrelease process_vm_readv process_vm_writev pselect6 ptrace pwrite64 pwritev pwritev2 read \
        readahead readlink readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages removexattr rename \
        renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask \
        rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max \
        sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler \
        sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield \
        seccomp select semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto set_mempolicy \
        set_mempolicy_home_node set_robust_list set_thread_area set_tid_address setdomainname setfsgid \
        setfsuid setgid setgroups sethostname setitimer setpgid setpriority setregid setresgid setresuid \
        setreuid setrlimit setsid setsockopt setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack \
        signalfd signalfd4 socketpair splice stat statfs statmount statx symlink symlinkat sync \
        sync_file_range sync_file_range2 syncfs sysinfo tee tgkill time timer_create timer_delete \
        timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times \
        tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid write \
        writev
        """

    private static let refused =
        """
        _sysctl acct add_key adjtimex bpf clock_adjtime clock_settime create_module delete_module \
        fanotify_init finit_module fsconfig fsmount fsopen fspick get_kernel_syms init_module ioperm iopl \
        kcmp kexec_file_load kexec_load keyctl lookup_dcookie lsm_set_self_attr migrate_pages modify_ldt \
        mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree open_tree_attr \
        perf_event_open pidfd_getfd pivot_root query_module quotactl quotactl_fd reboot request_key setns \
        settimeofday swapoff swapon sysfs syslog umount2 unshare uselib userfaultfd ustat vhangup
        """
}
