#define _GNU_SOURCE
#include "guest_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int guest_write_at(int folder, const char *path, const char *text) {
    int fd = openat(folder, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t count = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return count < 0 ? -1 : 0;
}

// MARK: The user namespace

// A process's number as the machine sees it. This one may have a namespace of its own, but the /proc is the machine's.
static int outer_number(int pidfd) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t count = read(fd, text, sizeof text - 1);
    close(fd);
    text[count > 0 ? count : 0] = 0;
    const char *line = strstr(text, "\nPid:");
    return line ? atoi(line + 5) : -1;
}

void guest_make_user_namespace(struct plan *plan) {
    const enum rock_guest_step step = ROCK_GUEST_STEP_USER;
    int pidfd = -1;
    struct clone_args arguments = {
        .flags = CLONE_NEWUSER | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD,
    };
    // Holds the namespace until it has its ids and a descriptor.
    long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) {
        for (;;) pause();
    }
    guest_check(child, step, "clone3");
    char path[64], map[64];
    int number = outer_number(pidfd);
    snprintf(map, sizeof map, "0 %u %u\n", plan->first_id, ROCK_GUEST_IDS);
    static const char *const files[] = {"uid_map", "gid_map"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", number, files[i]);
        guest_check(guest_write_at(AT_FDCWD, path, map), step, files[i]);
    }
    snprintf(path, sizeof path, "/proc/%d/ns/user", number);
    plan->user_namespace = (int)guest_check(open(path, O_RDONLY | O_CLOEXEC), step, path);
    kill((pid_t)child, SIGKILL);
    while (waitpid((pid_t)child, NULL, 0) < 0 && errno == EINTR) {
    }
    close(pidfd);
}

// MARK: The other namespaces

// Settings of the new namespaces, through a /proc/sys that nobody inside can reach. Those that a kernel lacks are no loss.
static void change_settings(const struct plan *plan) {
    static const struct { const char *path, *value; } settings[] = {
        // Nothing in here makes a namespace: behind one lies most of what a kernel has been broken into by.
        {"user/max_user_namespaces", "0"}, {"user/max_mnt_namespaces", "0"}, {"user/max_net_namespaces", "0"},
        {"user/max_pid_namespaces", "0"}, {"user/max_ipc_namespaces", "0"}, {"user/max_uts_namespaces", "0"},
        {"user/max_cgroup_namespaces", "0"}, {"user/max_time_namespaces", "0"},
        // A network of its own: any user may listen on port 80 and send a ping.
        {"net/ipv4/ip_unprivileged_port_start", "0"}, {"net/ipv4/ping_group_range", "0 65535"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (guest_write_at(plan->proc_sys, settings[i].path, settings[i].value) != 0 && errno != ENOENT) {
            guest_fail(ROCK_GUEST_STEP_NAMESPACES, settings[i].path);
        }
    }
    close(plan->proc_sys);
}

static void raise_loopback(void) {
    int fd = (int)guest_check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ROCK_GUEST_STEP_NETWORK, "socket");
    struct ifreq request = {.ifr_name = "lo"};
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    guest_check(ioctl(fd, SIOCSIFFLAGS, &request), ROCK_GUEST_STEP_NETWORK, "lo");
    close(fd);
}

void guest_enter_namespaces(struct plan *plan) {
    const enum rock_guest_step step = ROCK_GUEST_STEP_NAMESPACES;
    guest_check(setns(plan->user_namespace, CLONE_NEWUSER), step, "setns");
    // The mounts are copied into a namespace of less privilege: none can be taken off or made writable in there.
    int flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;
    guest_check(unshare(flags), step, "unshare");
    close(plan->user_namespace);
    change_settings(plan);
    guest_check(sethostname(plan->hostname, strlen(plan->hostname)), step, "sethostname");
    raise_loopback();
    guest_check(setgroups(0, NULL), ROCK_GUEST_STEP_IDENTITY, "setgroups");
    guest_check(setresgid(0, 0, 0), ROCK_GUEST_STEP_IDENTITY, "setresgid");
    guest_check(setresuid(0, 0, 0), ROCK_GUEST_STEP_IDENTITY, "setresuid");
}

// MARK: Capabilities

// What container engines leave, less what a user namespace makes void (MKNOD), what a network of one's own does not need
// (NET_RAW) and what no program asks for (AUDIT_WRITE is for the record of su and sudo).
static const int kept[] = {
    CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP,
    CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_SETFCAP, CAP_AUDIT_WRITE,
};

static int is_kept(int capability) {
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (kept[i] == capability) return 1;
    }
    return 0;
}

void guest_drop_capabilities(void) {
    const enum rock_guest_step step = ROCK_GUEST_STEP_CAPABILITIES;
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (!is_kept(capability)) guest_check(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), step, "PR_CAPBSET_DROP");
    }
    guest_check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), step, "PR_CAP_AMBIENT");
    struct rlimit none = {0, 0};
    guest_check(setrlimit(RLIMIT_CORE, &none), step, "RLIMIT_CORE");
}

void guest_keep_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        sets[kept[i] / 32].permitted |= 1u << (kept[i] % 32);
        sets[kept[i] / 32].effective |= 1u << (kept[i] % 32);
    }
    guest_check(syscall(SYS_capset, &header, sets), ROCK_GUEST_STEP_CAPABILITIES, "capset");
}
