#define _GNU_SOURCE
#include "guest_plan.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the seccomp filter knows x86-64 and arm64"
#endif

// Newer than some headers; the numbers are the same on every architecture.
enum {
    NR_pidfd_getfd = 438, NR_process_madvise = 440, NR_mount_setattr = 442, NR_quotactl_fd = 443, NR_lsm_get_self_attr = 459,
    NR_lsm_set_self_attr = 460, NR_lsm_list_modules = 461, NR_mseal = 462, NR_open_tree_attr = 467,
    // The last that this list has judged: what comes after it is not there, as on the kernel of its day.
    NR_last_known = 463,
};

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define FAIL(error) RETURN(SECCOMP_RET_ERRNO | (error))
// The low half of an argument; every one checked here is a 32-bit number to the kernel.
#define ARGUMENT(index) (offsetof(struct seccomp_data, args) + 8 * (index))
#define REFUSE(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), FAIL(EPERM)
#define REFUSE_NUMBER(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), FAIL(EPERM)
#define ABSENT(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), FAIL(ENOSYS)
// Skips the next `count` instructions unless the call is `name`.
#define UNLESS(name, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, count)

// Every flag of clone that makes a namespace, CLONE_NEWTIME aside, which clone takes for a signal.
#define NEW_NAMESPACES                                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

void guest_filter_system_calls(void) {
    // What container engines refuse, and io_uring, which is a second way to make system calls, unseen by this filter.
    // clone3 hides its flags from a filter; what it must not do is forbidden by the count of namespaces, which is 0.
    static const struct sock_filter filter[] = {
        LOAD(offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        LOAD(offsetof(struct seccomp_data, nr)),
        // Beyond the list: newer calls, and the x32 numbers of x86-64.
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, NR_last_known, 0, 1),
        FAIL(ENOSYS),

        // The machine: its time, its kernel, its log, its swap, its ports.
        REFUSE(reboot), REFUSE(kexec_load), REFUSE(init_module), REFUSE(finit_module), REFUSE(delete_module),
        REFUSE(settimeofday), REFUSE(clock_settime), REFUSE(clock_adjtime), REFUSE(adjtimex), REFUSE(syslog), REFUSE(acct),
        REFUSE(swapon), REFUSE(swapoff), REFUSE(quotactl), REFUSE_NUMBER(NR_quotactl_fd), REFUSE(vhangup),
        REFUSE(nfsservctl),
        REFUSE(lookup_dcookie),
#ifdef SYS_kexec_file_load
        REFUSE(kexec_file_load),
#endif
#if defined(__x86_64__)
        REFUSE(iopl), REFUSE(ioperm), REFUSE(create_module), REFUSE(get_kernel_syms), REFUSE(query_module), REFUSE(uselib),
        REFUSE(ustat), REFUSE(sysfs), REFUSE(_sysctl), REFUSE(modify_ldt),
#endif
        // Mounts and namespaces.
        REFUSE(mount), REFUSE(umount2), REFUSE(pivot_root), REFUSE(setns), REFUSE(unshare), REFUSE(open_tree),
        REFUSE(move_mount), REFUSE(fsopen), REFUSE(fsconfig), REFUSE(fsmount), REFUSE(fspick),
        REFUSE_NUMBER(NR_mount_setattr), REFUSE_NUMBER(NR_open_tree_attr),
        // Objects that no namespace divides: keys, files by handle, other processes' descriptors and pages.
        REFUSE(add_key), REFUSE(request_key), REFUSE(keyctl), REFUSE(open_by_handle_at), REFUSE_NUMBER(NR_pidfd_getfd),
        REFUSE(kcmp), REFUSE(move_pages), REFUSE(migrate_pages), REFUSE(fanotify_init),
        REFUSE_NUMBER(NR_lsm_set_self_attr),
        // Doors into the kernel that break more often than others.
        REFUSE(bpf), REFUSE(perf_event_open), REFUSE(userfaultfd),
        ABSENT(io_uring_setup), ABSENT(io_uring_enter), ABSENT(io_uring_register),

        UNLESS(clone, 4),
        LOAD(ARGUMENT(0)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
        FAIL(EPERM),
        RETURN(SECCOMP_RET_ALLOW),

        // Typing into a terminal that somebody else reads, and the console's clipboard.
        UNLESS(ioctl, 5),
        LOAD(ARGUMENT(1)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x5412, 1, 0), // TIOCSTI
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x541C, 0, 1), // TIOCLINUX
        FAIL(EPERM),
        RETURN(SECCOMP_RET_ALLOW),

        // The families that programs talk with. Of netlink only the routing table, which the C library reads.
        UNLESS(socket, 9),
        LOAD(ARGUMENT(0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 2),
        LOAD(ARGUMENT(2)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_ROUTE, 1, 0),
        FAIL(EAFNOSUPPORT),
        RETURN(SECCOMP_RET_ALLOW),

        // Emulation of other systems: none but what asks, and Linux of another word size.
        UNLESS(personality, 7),
        LOAD(ARGUMENT(0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x8, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x20000, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xFFFFFFFF, 1, 0),
        FAIL(EPERM),
        RETURN(SECCOMP_RET_ALLOW),

        RETURN(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, (struct sock_filter *)filter};
    // Without no_new_privs, which would take setuid from su and sudo: the namespace's root may install a filter as well.
    guest_check(
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), ROCK_GUEST_STEP_SECCOMP, "SECCOMP_SET_MODE_FILTER");
}
