#define _GNU_SOURCE
#include "HostileCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <unistd.h>

static int32_t outcome(long result) { return result < 0 ? -errno : (int32_t)result; }

static int32_t connect_to(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return -errno;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int32_t result = outcome(connect(fd, (struct sockaddr *)&address, sizeof address));
    close(fd);
    return result;
}

// Children stay asleep, so the bomb's size is what the limit lets through. Works if it makes a thousand.
static int32_t fork_bomb(void) {
    for (int count = 0; count < 1000; count++) {
        pid_t pid = fork();
        if (pid < 0) return -errno;
        if (pid == 0) {
            for (;;) pause();
        }
    }
    return 1000;
}

static int32_t allocate(size_t bytes) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -errno;
    for (size_t i = 0; i < bytes; i += 4096) ((volatile char *)memory)[i] = 1;
    return 0;
}

static int32_t raise_limit(void) {
    struct rlimit limit = {1 << 20, 1 << 20};
    return outcome(setrlimit(RLIMIT_NOFILE, &limit));
}

static int32_t overflow(volatile char *outer) {
    volatile char room[4096];
    room[0] = outer ? outer[0] : 1;
    return overflow(room) + room[0];
}

int32_t hostile_attempt(const char *deed, int32_t target) {
    char *const nothing[] = {NULL};
    struct timeval epoch = {0, 0};
    if (strcmp(deed, "open") == 0) return outcome(open("/etc/passwd", O_RDONLY));
    if (strcmp(deed, "create") == 0) return outcome(open("/file", O_WRONLY | O_CREAT, 0600));
    if (strcmp(deed, "mkdir") == 0) return outcome(mkdir("/folder", 0700));
    if (strcmp(deed, "device") == 0) return outcome(mknod("/device", S_IFBLK | 0600, 0x800));
    if (strcmp(deed, "exec") == 0) return outcome(execve("/bin/sh", nothing, nothing));
    if (strcmp(deed, "connect") == 0) return connect_to(target);
    if (strcmp(deed, "ptrace") == 0) return outcome(ptrace(PTRACE_ATTACH, target, NULL, NULL));
    if (strcmp(deed, "kill") == 0) return outcome(kill(target, SIGKILL));
    if (strcmp(deed, "mount") == 0) return outcome(mount("none", "/", "tmpfs", 0, NULL));
    if (strcmp(deed, "remount") == 0) return outcome(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
    if (strcmp(deed, "unmount") == 0) return outcome(umount2("/", MNT_DETACH));
    if (strcmp(deed, "chroot") == 0) return outcome(chroot("/"));
    if (strcmp(deed, "hostname") == 0) return outcome(sethostname("other", 5));
    if (strcmp(deed, "clock") == 0) return outcome(settimeofday(&epoch, NULL));
    if (strcmp(deed, "reboot") == 0) return outcome(reboot(RB_DISABLE_CAD));
    if (strcmp(deed, "module") == 0) return outcome(syscall(SYS_init_module, nothing, 0, ""));
    if (strcmp(deed, "namespace") == 0) return outcome(unshare(CLONE_NEWNET));
    if (strcmp(deed, "identity") == 0) return outcome(setuid(1));
    if (strcmp(deed, "limit") == 0) return raise_limit();
    if (strcmp(deed, "fork") == 0) return fork_bomb();
    if (strcmp(deed, "code") == 0) {
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return page == MAP_FAILED ? -errno : 0;
    }
    if (strcmp(deed, "memory") == 0) return allocate((size_t)target << 20);
    if (strcmp(deed, "loop") == 0) {
        for (volatile int i = 0;; i++) {
        }
    }
    if (strcmp(deed, "abort") == 0) abort();
    if (strcmp(deed, "exit") == 0) _exit(target);
    if (strcmp(deed, "stack") == 0) return overflow(NULL);
    return INT32_MIN;
}

int32_t hostile_descriptors(void) {
    int32_t count = 0;
    for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

const char *hostile_program_path(void) {
    const char *path = (const char *)getauxval(AT_EXECFN);
    return path ? path : "";
}

const char *hostile_first_variable(void) { return environ && environ[0] ? environ[0] : ""; }

void hostile_send(const void *bytes, uint64_t count) {
    // The one connection has the number after the listener's.
    send(4, bytes, count, MSG_NOSIGNAL);
}

int32_t become_ordinary_user(uint32_t id) {
    if (setgroups(0, NULL) != 0 || setgid(id) != 0 || setuid(id) != 0) return -errno;
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
