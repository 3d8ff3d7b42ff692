/// One way out of a sandbox, as a Python program that says whether it worked. For any driver whose sandboxes have Python.
struct EscapeAttempt: Sendable, CustomStringConvertible {
    let name: String
    /// Lines of a function that returns whether the attempt worked; an `OSError` means that it did not.
    let body: String
    /// Whether it works outside of a sandbox, for root, which shows that it is tried rightly.
    var worksOutside = true
    /// A file that kernels have where there is anything to try.
    var needs = "/proc/self"

    var description: String { name }

    /// How the program ends.
    static let escaped: Int32 = 42
    static let refused: Int32 = 7

    /// The program's arguments: where it is run and what it looks for.
    struct Goal {
        /// A file of the machine's that no sandbox can read, and what is in it.
        let secret: String
        /// A process of the machine's.
        let process: Int32
        /// A port that is listened on at the machine's loopback.
        let port: UInt16
        /// An abstract Unix socket of the machine's that is listened on.
        let socket: String
        /// The program of the sandbox's first process; outside, a file of the same kind.
        var program: String
        /// A folder of the machine's that sandboxes see read-only, with a link `link` to the secret in it.
        let shared: String

        var arguments: [String] { [secret, String(process), String(port), socket, program, shared] }
    }

    /// The whole program.
    var program: String {
        let lines = body.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n")
        return """
            import ctypes, errno, fcntl, glob, os, platform, pty, shutil, socket, stat, struct, sys, tempfile
            libc = ctypes.CDLL(None, use_errno=True)
            secret, process, port, abstract, program, shared = sys.argv[1:7]
            process, port = int(process), int(port)
            names = ("mount umount2 pivot_root unshare setns ptrace init_module kexec_load bpf perf_event_open "
                "userfaultfd keyctl add_key open_by_handle_at name_to_handle_at ioperm syslog swapon settimeofday "
                "process_vm_writev fanotify_init kcmp").split()
            x86 = [165, 166, 155, 272, 308, 101, 175, 246, 321, 298, 323, 250, 248, 304, 303, 173, 103, 167, 164, 311, 300, 312]
            arm = [40, 39, 41, 97, 268, 117, 105, 104, 280, 241, 282, 219, 217, 265, 264, -1, 116, 224, 170, 271, 262, 272]
            number = dict(zip(names, x86 if platform.machine() == "x86_64" else arm))
            number.update(io_uring_setup=425, pidfd_open=434, pidfd_getfd=438, clone3=435, fsopen=430, open_tree=428)
            def call(name, *arguments):
                result = libc.syscall(number[name], *arguments)
                if result < 0: raise OSError(ctypes.get_errno(), name)
                return result
            def reaches_kernel(name, *arguments):
                try: call(name, *arguments)
                except OSError as error: return error.errno not in (errno.EPERM, errno.EACCES, errno.ENOSYS)
                return True
            def reads_secret(path):
                with open(path) as file: return file.read() == "the machine's own\\n"
            def attempt():
            \(lines)
            try: worked = attempt()
            except OSError as error: worked = print(error)
            sys.exit(42 if worked else 7)
            """
    }
}

extension EscapeAttempt {
    static let all: [EscapeAttempt] = [
        // What engines are tricked into handing over.
        EscapeAttempt(
            name: "an engine's socket",
            body: """
                roots = ["/run", "/var/run", "/tmp", "/.rock"]
                return any(stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)
                    for root in roots for folder, _, names in os.walk(root) for name in names
                    if (folder, name) not in (("/.rock", "agent.sock"), ("/.rock", "descriptors.sock")))
                """, worksOutside: false),
        EscapeAttempt(
            name: "a descriptor left open to the machine's files",
            body: """
                for link in glob.glob("/proc/[0-9]*/fd/*") + glob.glob("/proc/[0-9]*/cwd") + glob.glob("/proc/[0-9]*/root"):
                    try:
                        if reads_secret(link + "/" + "../" * 12 + secret): return True
                    except OSError: pass
                return False
                """),
        EscapeAttempt(name: "the secret's own path", body: "return reads_secret(secret)"),
        EscapeAttempt(name: "a link in a mounted folder", body: "return reads_secret(shared + '/link')"),
        EscapeAttempt(
            name: "writing to a mounted folder", body: "return open(shared + '/planted', 'w').close() is None"),
        EscapeAttempt(
            name: "leaving a root by a second chroot",
            body: """
                where = tempfile.mkdtemp()
                root = os.open("/", os.O_RDONLY)
                os.chroot(where)
                os.fchdir(root)
                for _ in range(64): os.chdir("..")
                os.chroot(".")
                return reads_secret(secret)
                """),
        // The program that all sandboxes share.
        EscapeAttempt(
            name: "overwriting process 1's program",
            body: """
                for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
                    try: return os.close(os.open(program, flags)) is None
                    except OSError as error: print(error)
                path = os.open(program, os.O_PATH)
                return os.open("/proc/self/fd/%d" % path, os.O_WRONLY) >= 0
                """),
        EscapeAttempt(
            name: "changing the mode of process 1's program", body: "return os.chmod(program, 0o6755) is None"),
        // Files of the kernel's.
        EscapeAttempt(
            name: "core_pattern",
            body: """
                with open("/proc/sys/kernel/core_pattern", "r+") as file:
                    text = file.read()
                    file.seek(0)
                    file.write(text)
                return True
                """),
        EscapeAttempt(
            name: "modprobe's path",
            body: """
                with open("/proc/sys/kernel/modprobe", "r+") as file:
                    text = file.read()
                    file.seek(0)
                    file.write(text)
                return True
                """, needs: "/proc/sys/kernel/modprobe"),
        EscapeAttempt(
            name: "sysrq", body: "return os.open('/proc/sysrq-trigger', os.O_WRONLY) >= 0", needs: "/proc/sysrq-trigger"
        ),
        EscapeAttempt(
            name: "kcore", body: "return open('/proc/kcore', 'rb').read(4) == b'\\x7fELF'", needs: "/proc/kcore"),
        EscapeAttempt(name: "the kernel's log", body: "return os.open('/dev/kmsg', os.O_RDONLY) >= 0"),
        EscapeAttempt(
            name: "a setting below /sys",
            body: "return os.open('/sys/kernel/mm/transparent_hugepage/enabled', os.O_WRONLY) >= 0"),
        EscapeAttempt(
            name: "a limit of its own cgroup",
            body: """
                files = glob.glob("/sys/fs/cgroup/**/cgroup.procs", recursive=True)
                return any(os.access(file, os.W_OK) for file in files)
                """),
        EscapeAttempt(
            name: "a cgroup's release_agent",
            body: """
                where = tempfile.mkdtemp().encode()
                for kind, data in ((b"cgroup", b"memory"), (b"cgroup2", None)):
                    try: return call("mount", b"none", where, kind, 0, data) == 0
                    except OSError as error: print(error)
                """),
        // Devices.
        EscapeAttempt(
            name: "a device node of its own",
            body: """
                path = tempfile.mkdtemp() + "/kmsg"
                os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 11))
                return os.open(path, os.O_RDONLY) >= 0
                """),
        EscapeAttempt(
            name: "the memory, processor ports, loop and KVM devices",
            body: """
                return any(os.path.exists("/dev/" + name) for name in ("mem", "port", "kmsg", "loop-control", "kvm", "fuse"))
                """),
        EscapeAttempt(
            name: "typing into a terminal",
            body: "return fcntl.ioctl(pty.openpty()[1], 0x5412, b'x') is not None"),
        // Mounts and namespaces.
        EscapeAttempt(
            name: "a mount", body: "return call('mount', b'none', tempfile.mkdtemp().encode(), b'tmpfs', 0, None) == 0"),
        EscapeAttempt(name: "a mount by the newer calls", body: "return call('fsopen', b'tmpfs', 0) >= 0"),
        EscapeAttempt(name: "a copy of a mount", body: "return call('open_tree', -100, b'/', 1) >= 0"),
        EscapeAttempt(
            name: "taking a mask off",
            body:
                "return call('umount2', b'/proc/kcore', 2) == 0 or open('/proc/kcore', 'rb').read(4) == b'\\x7fELF'",
            worksOutside: false),
        EscapeAttempt(name: "a user namespace", body: "return call('unshare', 0x10000000) == 0"),
        EscapeAttempt(
            name: "a user namespace by clone3",
            body: """
                arguments = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
                child = call("clone3", arguments, ctypes.sizeof(arguments))
                if child == 0: os._exit(0)
                return os.waitpid(child, 0)[1] == 0
                """),
        EscapeAttempt(name: "a mount namespace", body: "return call('unshare', 0x20000) == 0"),
        EscapeAttempt(
            name: "another process's mount namespace",
            body: """
                for target in (1, process):
                    try: return call("setns", os.open("/proc/%d/ns/mnt" % target, os.O_RDONLY), 0) == 0
                    except OSError as error: print(error)
                """),
        // Other processes.
        EscapeAttempt(
            name: "tracing a process of the machine's",
            body: "return call('ptrace', 0x4206, process, None, None) == 0"),
        EscapeAttempt(name: "a signal to a process of the machine's", body: "return os.kill(process, 0) is None"),
        EscapeAttempt(
            name: "a process of the machine's by its root",
            body: "return reads_secret('/proc/%d/root%s' % (process, secret))"),
        EscapeAttempt(
            name: "a descriptor of another process",
            body: "return call('pidfd_getfd', call('pidfd_open', os.getpid(), 0), 0, 0) >= 0"),
        // Files by handle: what a capability to read everything would allow.
        EscapeAttempt(
            name: "a file by its handle",
            body: """
                handle, mount = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136), ctypes.c_int()
                folder = tempfile.mkdtemp(dir="/dev/shm").encode()
                call("name_to_handle_at", -100, folder, handle, ctypes.byref(mount), 0)
                return call("open_by_handle_at", os.open("/dev/shm", os.O_RDONLY), handle, os.O_RDONLY) >= 0
                """),
        // Calls of the kernel's that reach the whole machine; outside they fail for their senseless arguments only.
        EscapeAttempt(
            name: "loading a module", body: "return reaches_kernel('init_module', None, 0, b'')", needs: "/proc/modules"
        ),
        EscapeAttempt(
            name: "another kernel", body: "return reaches_kernel('kexec_load', 0, 99, None, -1)",
            needs: "/sys/kernel/kexec_loaded"),
        EscapeAttempt(name: "bpf", body: "return reaches_kernel('bpf', 0, None, 0)"),
        EscapeAttempt(name: "perf_event_open", body: "return reaches_kernel('perf_event_open', None, 0, -1, -1, 0)"),
        EscapeAttempt(name: "userfaultfd", body: "return reaches_kernel('userfaultfd', 0)"),
        EscapeAttempt(name: "io_uring", body: "return reaches_kernel('io_uring_setup', 1, None)"),
        EscapeAttempt(
            name: "keys of the kernel's", body: "return reaches_kernel('add_key', b'user', b'rock', b'x', 1, -1)"),
        EscapeAttempt(name: "swap", body: "return reaches_kernel('swapon', b'/no-such', 0)"),
        EscapeAttempt(name: "the clock", body: "return reaches_kernel('settimeofday', ctypes.c_char_p(1), None)"),
        EscapeAttempt(name: "the message buffer", body: "return reaches_kernel('syslog', 10, None, 0)"),
        // The network.
        EscapeAttempt(
            name: "the machine's loopback",
            body: "return socket.create_connection(('127.0.0.1', port), 2) is not None"),
        EscapeAttempt(
            name: "an abstract socket of the machine's",
            body: """
                client = socket.socket(socket.AF_UNIX)
                client.connect("\\0" + abstract)
                return True
                """),
        EscapeAttempt(
            name: "raw packets", body: "return socket.socket(socket.AF_PACKET, socket.SOCK_RAW) is not None"),
        EscapeAttempt(
            name: "the kernel's packet filter",
            body: "return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) is not None"),
        EscapeAttempt(
            name: "the kernel's cryptography",
            body: "return socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) is not None", worksOutside: false),
        EscapeAttempt(
            name: "the hypervisor's sockets", body: "return socket.socket(40, socket.SOCK_STREAM) is not None",
            worksOutside: false),
    ]
}
