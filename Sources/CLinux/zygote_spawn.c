#define _GNU_SOURCE
#include "spawn.h"
#include "zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <malloc.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

// MARK: Messages

int rock_message_pair(int ends[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : -errno;
}

int rock_message_send(int fd, const void *bytes, uint32_t count, int passed) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } ancillary;
    struct iovec iovec = {(void *)bytes, count};
    struct msghdr message = {.msg_iov = &iovec, .msg_iovlen = 1};
    if (passed >= 0) {
        message.msg_control = ancillary.bytes;
        message.msg_controllen = sizeof ancillary.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof passed);
        memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    ssize_t result;
    do {
        result = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

int rock_message_receive(int fd, void *bytes, uint32_t count) {
    ssize_t result;
    do {
        result = recv(fd, bytes, count, MSG_DONTWAIT);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : (int)result;
}

int rock_message_await(int fd, void *bytes, uint32_t count) {
    ssize_t result;
    do {
        result = recv(fd, bytes, count, MSG_TRUNC);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : (int)result;
}

// MARK: Sockets

int rock_jail_socket(const char *path, int *listener, int *connection) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    *listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*listener >= 0 && *connection >= 0 && (unlink(path) == 0 || errno == ENOENT)
        && bind(*listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(*listener, 4) == 0
        && connect(*connection, (struct sockaddr *)&address, sizeof address) == 0) {
        return 0;
    }
    int error = errno;
    if (*listener >= 0) close(*listener);
    if (*connection >= 0) close(*connection);
    return -error;
}

static int connect_to(const char *path, int kind, const struct timeval *limit) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, kind | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if ((!limit
            || (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit, sizeof *limit) == 0
                && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit, sizeof *limit) == 0))
        && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        return fd;
    }
    int error = errno;
    close(fd);
    return -error;
}

int rock_jail_connect(const char *path) { return connect_to(path, SOCK_STREAM | SOCK_NONBLOCK, NULL); }

int rock_zygote_connect(const char *path, int milliseconds, int *pid) {
    struct timeval limit = {milliseconds / 1000, milliseconds % 1000 * 1000};
    int fd = connect_to(path, SOCK_SEQPACKET, &limit);
    if (fd < 0) return fd;
    // Whoever listens, as it was when it began to: the zygote itself, by our count of processes.
    struct ucred peer;
    socklen_t size = sizeof peer;
    int error = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? 0 : errno;
    if (error == 0 && peer.uid == geteuid() && peer.pid > 0) {
        *pid = peer.pid;
        return fd;
    }
    close(fd);
    return error == 0 ? -EPERM : -error;
}

// MARK: Starting a zygote

struct start {
    const char *path;
    char *const *arguments;
    int control;
    int own_user;
    uid_t uid;
    gid_t gid;
    int error;
};

static int write_self(const char *path, const char *format, unsigned id) {
    char text[32];
    // snprintf of one integer takes no lock and no memory in glibc; the parent is stopped meanwhile in any case.
    int count = snprintf(text, sizeof text, format, id);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, text, (size_t)count);
    int error = errno;
    close(fd);
    errno = error;
    return written < 0 ? -1 : 0;
}

// In the child, on a stack of its own and in the memory of the parent, which waits: only system calls.
static int begin(void *argument) {
    struct start *start = argument;
    if (start->own_user
        && (write_self("/proc/self/setgroups", "deny", 0) != 0
            || write_self("/proc/self/uid_map", "0 %u 1", start->uid) != 0
            || write_self("/proc/self/gid_map", "0 %u 1", start->gid) != 0)) {
        goto failed;
    }
    // Not the terminal's either: the keys that end its server say nothing about its jails.
    setsid();
    // Standard error stays, for the one line a zygote says when it cannot start.
    int control = fcntl(start->control, F_DUPFD, 4);
    int null = open("/dev/null", O_RDWR);
    if (control < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(control, 3) < 0) goto failed;
    if (syscall(SYS_close_range, 4, ~0u, 0) != 0) goto failed;
    rock_spawn_reset_signals();
    char *const environment[] = {NULL};
    execve(start->path, start->arguments, environment);
failed:
    start->error = errno;
    _exit(127);
}

int rock_zygote_spawn(const char *path, char *const arguments[], int control, int own_pids, int own_user) {
    struct start start = {
        .path = path, .arguments = arguments, .control = control, .own_user = own_user,
        .uid = getuid(), .gid = getgid(),
    };
    int flags = (own_pids ? CLONE_NEWPID : 0) | (own_user ? CLONE_NEWUSER : 0);
    return rock_spawn(begin, &start, flags, &start.error);
}

// MARK: What an earlier server left

int rock_kill_and_wait(int pid, int milliseconds) {
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) return errno == ESRCH ? 0 : -errno;
    int result = 0;
    if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) != 0 && errno != ESRCH) result = -errno;
    struct pollfd end = {pidfd, POLLIN, 0};
    if (result == 0 && poll(&end, 1, milliseconds) != 1) result = -ETIMEDOUT;
    close(pidfd);
    return result;
}

int rock_lock_folder(const char *path, int wait, int *fd) {
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0) return -errno;
    if (flock(*fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0) return 0;
    int error = errno;
    close(*fd);
    return -error;
}

int rock_share_folder(const char *path, int *fd) {
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0) return -errno;
    if (flock(*fd, LOCK_SH) == 0) return 0;
    int error = errno;
    close(*fd);
    return -error;
}

// MARK: Leaving no trace of the outside

void rock_give_back_memory(void) {
    // glibc raises this threshold to the largest block ever freed, and keeps what is below it. A room search that needed
    // 4 MB once would then hold them for good, in each of thousands of jails.
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

void rock_scrub_arguments(int count, char **arguments) {
    for (int i = 0; i < count; i++) memset(arguments[i], 0, strlen(arguments[i]));
    extern char **environ;
    for (char **entry = environ; entry && *entry; entry++) memset(*entry, 0, strlen(*entry));
    char *path = (char *)getauxval(AT_EXECFN);
    if (path) memset(path, 0, strlen(path));
}
