#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ROCK_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ROCK_AUDIT_ARCH AUDIT_ARCH_AARCH64
#else
#error "the seccomp filter knows x86-64 and arm64"
#endif

uint64_t rock_jail_clone_flags(uint32_t walls) {
    static const uint64_t flags[] = {
        CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWNET,
    };
    uint64_t result = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (walls & (1u << i)) result |= flags[i];
    }
    return result;
}

// MARK: Root

int rock_jail_empty_root(void) {
    // Nothing mounted here may travel back to the host.
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return -errno;
    // /proc is the one directory that every Linux root has; it is only a place to stand on.
    const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount("none", "/proc", "tmpfs", flags, "size=4k,nr_inodes=1,mode=0555") != 0) return -errno;
    if (chdir("/proc") != 0) return -errno;
    // Stacks the old root on top of the new one, so that it can be detached without a folder to hang it in.
    if (syscall(SYS_pivot_root, ".", ".") != 0) return -errno;
    if (umount2(".", MNT_DETACH) != 0) return -errno;
    if (chdir("/") != 0) return -errno;
    return 0;
}

// MARK: Identity

static int take_identity(uint32_t walls, uint32_t uid) {
    // Where setgroups is forbidden (an ordinary user's namespace) the groups stay; there is no file to use them on.
    if (setgroups(0, NULL) != 0 && errno != EPERM) return -1;
    if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) return -1;
    static const char name[] = "sandbox";
    if ((walls & ROCK_WALL_UTS) && sethostname(name, sizeof name - 1) != 0) return -1;
    return 0;
}

// MARK: Descriptors

static int keep_only(int listener) {
    // The listener may have any number from 0 up: move it out of the way of its own copies first.
    int high = fcntl(listener, F_DUPFD, ROCK_JAIL_LISTENER + 1);
    if (high < 0) return -1;
    for (int fd = 0; fd <= ROCK_JAIL_LISTENER; fd++) {
        if (dup2(high, fd) < 0) return -1;
    }
    return (int)syscall(SYS_close_range, ROCK_JAIL_LISTENER + 1, ~0u, 0);
}

// MARK: Resource limits

static int set_limits(const struct rock_jail_limits *limits) {
    const uint64_t mebibyte = 1 << 20;
    const struct { int resource; uint64_t value; } table[] = {
        {RLIMIT_DATA, limits->memory_bytes},
        // The program itself and its stack come on top.
        {RLIMIT_AS, limits->memory_bytes + 128 * mebibyte},
        {RLIMIT_FSIZE, limits->file_bytes},
        {RLIMIT_NPROC, limits->processes},
        {RLIMIT_NOFILE, limits->descriptors},
        {RLIMIT_CORE, 0},
        {RLIMIT_MEMLOCK, 0},
        {RLIMIT_MSGQUEUE, 0},
        {RLIMIT_SIGPENDING, 16},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rlimit limit = {table[i].value, table[i].value};
        if (prlimit(0, table[i].resource, &limit, NULL) != 0) return -1;
    }
    return 0;
}

// MARK: Capabilities

static int drop_capabilities(void) {
    // Root inside gets nothing for being root, for good.
    const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP
        | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE
        | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    // Without a user namespace an ordinary user may do neither, and has neither to lose.
    if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) != 0 && errno != EPERM) return -1;
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EPERM) return -1;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return -1;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
    return (int)syscall(SYS_capset, &header, none);
}

// MARK: System calls

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), RETURN(SECCOMP_RET_ALLOW)
// The low half of an argument; every one checked here is a 32-bit int to the kernel.
#define ARGUMENT(index) (offsetof(struct seccomp_data, args) + 8 * (index))

static int filter_system_calls(void) {
    // What a built-in environment needs: talk on its socket, get memory, draw entropy, end. In order of use.
    //
    // Anything else kills the whole process. An environment has no reason to try another call, so one that does is
    // not the program that was started; EPERM would let it go on looking.
    static const struct sock_filter filter[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ROCK_AUDIT_ARCH, 1, 0),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        ALLOW(recvfrom),
        ALLOW(sendto),
        ALLOW(mremap),
        ALLOW(munmap),
        ALLOW(madvise),
        ALLOW(brk),
        ALLOW(futex),
        ALLOW(clock_gettime),
        ALLOW(getrandom),
        ALLOW(accept4),
        ALLOW(close),
        ALLOW(restart_syscall),
        // The way out, which for a failed check is a message to standard error and a signal to oneself.
        ALLOW(exit_group),
        ALLOW(exit),
        ALLOW(write),
        ALLOW(writev),
        ALLOW(rt_sigprocmask),
        ALLOW(rt_sigaction),
        ALLOW(rt_sigreturn),
        ALLOW(getpid),
        ALLOW(gettid),
        // Memory, but never memory to run code from.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(2)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        // A signal to itself, which is process 1 of its namespace: how abort() ends.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, (struct sock_filter *)filter};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

// MARK: All of it

int rock_jail_enter(
    uint32_t walls, int parent, int listener, uint32_t uid, const struct rock_jail_limits *limits
) {
    if (take_identity(walls, uid) != 0) return -ROCK_STEP_IDENTITY;
    if (keep_only(listener) != 0) return -ROCK_STEP_DESCRIPTORS;
    if (set_limits(limits) != 0) return -ROCK_STEP_LIMITS;
    if ((walls & ROCK_WALL_CAPABILITIES) && drop_capabilities() != 0) return -ROCK_STEP_CAPABILITIES;
    // A change of identity clears the death signal, so it comes after. In a PID namespace the kernel ends the jail with
    // the zygote anyway; without one the signal does, unless the zygote was quicker.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -ROCK_STEP_PRIVILEGES;
    if (!(walls & ROCK_WALL_PID) && getppid() != parent) _exit(0);
    // Nobody reads this memory through /proc, not even the same user outside.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -ROCK_STEP_PRIVILEGES;
    if ((walls & ROCK_WALL_PRIVILEGES) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -ROCK_STEP_PRIVILEGES;
    if ((walls & ROCK_WALL_SECCOMP) && filter_system_calls() != 0) return -ROCK_STEP_SECCOMP;
    return 0;
}

int rock_jail_accept(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

// MARK: Trying the kernel

// 0, or the errno with which the kernel refuses a child in the namespaces `flags`.
static int try_clone(uint64_t flags) {
    struct clone_args arguments = {.flags = flags, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) return errno;
    if (pid == 0) _exit(0);
    while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return 0;
}

uint32_t rock_jail_probe(uint32_t walls, int32_t errors[ROCK_WALL_COUNT]) {
    uint32_t held = walls;
    // All at once is the usual answer; one by one says which is missing, each inside a user namespace if that holds.
    if (try_clone(rock_jail_clone_flags(walls)) != 0) {
        uint32_t user = walls & ROCK_WALL_USER;
        for (uint32_t bit = 0; (1u << bit) <= ROCK_WALL_NETWORK; bit++) {
            if (!(walls & (1u << bit))) continue;
            errors[bit] = try_clone(rock_jail_clone_flags((1u << bit) | (held & user)));
            if (errors[bit] != 0) held &= ~(1u << bit);
        }
    }
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    if ((walls & ROCK_WALL_SECCOMP) && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0) {
        errors[__builtin_ctz(ROCK_WALL_SECCOMP)] = errno;
        held &= ~(uint32_t)ROCK_WALL_SECCOMP;
    }
    return held;
}
