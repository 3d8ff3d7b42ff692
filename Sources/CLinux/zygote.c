#define _GNU_SOURCE
#include "zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_GET_TID_ADDRESS
#define PR_GET_TID_ADDRESS 40
#endif

// Kept apart from the rest of the memory and not copied into jails: see rock_zygote_serve.
struct notes {
    int32_t pids[ROCK_ZYGOTE_SLOTS];     // the zygote's own numbers, 0 where a slot is free
    int32_t outer[ROCK_ZYGOTE_SLOTS];    // the server's numbers
    int32_t codes[ROCK_ZYGOTE_SLOTS];    // how the last jail in each slot ended, 0 where none has
    int32_t statuses[ROCK_ZYGOTE_SLOTS];
    uint32_t used;                       // slots from here up were never taken
    int control;                         // the connection to the server, -1 while there is none
    int door;                            // where the next server comes in, or -1
    uint32_t linger;
    struct timespec deadline;            // when waiting for one ends
    struct rock_zygote_event greeting;
    int procfs;
    int cgroups[ROCK_ZYGOTE_CGROUPS];
    int signals;
    void *thread_id;
    struct rock_zygote_request request;
    struct rock_zygote_event event;
    char path[96];
    char text[512];
};

static void fail(const char *what) {
    fprintf(stderr, "rocklet: zygote: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static void tell(const struct notes *notes, const struct rock_zygote_event *event) {
    // Waits for room: the server reads whatever else it does. It is gone when this fails; its connection then ends.
    while (notes->control >= 0 && send(notes->control, event, sizeof *event, MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) return;
    }
}

// MARK: Cloning

// The child's number as the server sees it: the zygote may live in a PID namespace of its own, but the /proc it holds
// is the host's. 0 if that cannot be told.
static int outer_pid(struct notes *notes, int pidfd) {
    snprintf(notes->path, sizeof notes->path, "self/fdinfo/%d", pidfd);
    int fd = openat(notes->procfs, notes->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t count = read(fd, notes->text, sizeof notes->text - 1);
    close(fd);
    if (count <= 0) return 0;
    notes->text[count] = 0;
    const char *line = strstr(notes->text, "\nPid:");
    return line ? atoi(line + 5) : 0;
}

static int write_file(struct notes *notes, int pid, const char *name, const char *text) {
    snprintf(notes->path, sizeof notes->path, "%d/%s", pid, name);
    int fd = openat(notes->procfs, notes->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t count = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return count < 0 ? -1 : 0;
}

static int map_identity(const struct rock_zygote *zygote, struct notes *notes, int pid, uint32_t slot) {
    uint32_t outside = zygote->own_user ? 0 : zygote->user_base + slot;
    snprintf(notes->text, sizeof notes->text, "0 %u 1\n", outside);
    if (write_file(notes, pid, "uid_map", notes->text) != 0) return -1;
    return write_file(notes, pid, "gid_map", notes->text);
}

// What a child needs to know to become a jail: `notes` is not in its memory.
struct plan {
    uint32_t slot;
    struct rock_jail_limits limits;
    int listener;
    int mapped[2];
    int tasks[ROCK_ZYGOTE_CGROUPS];
    pid_t parent;
};

static void close_all(const int *fds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0) close(fds[i]);
    }
}

// Opens what lets a child join its cgroups: `tasks` in v1 (moving one's only thread skips the lock that moving a
// process takes, which waits for every running fork), the folder itself in v2.
static int open_cgroups(const struct rock_zygote *zygote, struct notes *notes, int tasks[ROCK_ZYGOTE_CGROUPS]) {
    for (int i = 0; i < ROCK_ZYGOTE_CGROUPS; i++) tasks[i] = -1;
    if (notes->request.cgroup[0] == 0) return 0;
    for (int i = 0; i < ROCK_ZYGOTE_CGROUPS && zygote->cgroups[i]; i++) {
        int is_v2 = zygote->cgroup_version == 2;
        snprintf(notes->path, sizeof notes->path, "%s%s", notes->request.cgroup, is_v2 ? "" : "/tasks");
        tasks[i] = openat(notes->cgroups[i], notes->path, (is_v2 ? O_PATH | O_DIRECTORY : O_WRONLY) | O_CLOEXEC);
        if (tasks[i] < 0) return -1;
    }
    return 0;
}

// In the child: joins its cgroups, waits for its identity and builds its walls, or exits with the step that failed.
static void wall_in(const struct rock_zygote *zygote, const struct plan *plan) {
    for (int i = 0; zygote->cgroup_version != 2 && i < ROCK_ZYGOTE_CGROUPS; i++) {
        if (plan->tasks[i] >= 0 && write(plan->tasks[i], "0", 1) != 1) _exit(ROCK_JAIL_EXIT + ROCK_STEP_CGROUP);
    }
    // If the zygote ends before it has said who we are, the pipe ends instead.
    close(plan->mapped[1]);
    char byte;
    if ((zygote->walls & ROCK_WALL_USER) && read(plan->mapped[0], &byte, 1) != 1) {
        _exit(ROCK_JAIL_EXIT + ROCK_STEP_IDENTITY);
    }
    // Signals as a fresh program has them; a peer that hangs up is an error of send(), never a signal.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    uint32_t outside = zygote->own_user ? getuid() : zygote->user_base + plan->slot;
    uint32_t uid = zygote->walls & ROCK_WALL_USER ? 0 : outside;
    int step = rock_jail_enter(zygote->walls, plan->parent, plan->listener, uid, &plan->limits);
    if (step < 0) _exit(ROCK_JAIL_EXIT - step);
}

// Makes one jail. Returns 1 in it, 0 in the zygote.
static int clone_jail(const struct rock_zygote *zygote, struct notes *notes, int listener) {
    struct plan plan = {
        .slot = notes->request.slot, .limits = notes->request.limits, .listener = listener, .parent = getpid(),
    };
    struct rock_zygote_event *event = &notes->event;
    *event = (struct rock_zygote_event){.kind = ROCK_ZYGOTE_REFUSED, .slot = plan.slot, .status = EINVAL};
    notes->request.cgroup[sizeof notes->request.cgroup - 1] = 0;
    if (plan.slot >= ROCK_ZYGOTE_SLOTS || notes->pids[plan.slot] != 0 || listener < 0) {
        if (listener >= 0) close(listener);
        tell(notes, event);
        return 0;
    }
    plan.mapped[0] = plan.mapped[1] = -1;
    int pidfd = -1;
    long pid = -1;
    if (open_cgroups(zygote, notes, plan.tasks) == 0 && pipe2(plan.mapped, O_CLOEXEC) == 0) {
        int into = zygote->cgroup_version == 2 && plan.tasks[0] >= 0;
        struct clone_args arguments = {
            .flags = rock_jail_clone_flags(zygote->walls) | CLONE_PIDFD | (into ? CLONE_INTO_CGROUP : 0)
                // glibc's note of the thread's id must be the child's own, as after its fork().
                | (notes->thread_id ? CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID : 0),
            .pidfd = (uint64_t)(uintptr_t)&pidfd,
            .child_tid = (uint64_t)(uintptr_t)notes->thread_id,
            .exit_signal = SIGCHLD,
            .cgroup = into ? (uint64_t)plan.tasks[0] : 0,
        };
        // No CLONE_VM: the child goes on as a copy of this single-threaded process, so every lock in it is free and
        // all its memory is whole. That is why Swift may run in it without an exec.
        pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    }
    if (pid == 0) {
        wall_in(zygote, &plan);
        return 1;
    }
    int error = errno;
    close_all(plan.tasks, ROCK_ZYGOTE_CGROUPS);
    close_all(plan.mapped, 1);
    close(listener);
    if (pid > 0) {
        notes->pids[plan.slot] = (int32_t)pid;
        if (plan.slot >= notes->used) notes->used = plan.slot + 1;
        notes->codes[plan.slot] = 0;
        event->pid = notes->outer[plan.slot] = outer_pid(notes, pidfd);
        close(pidfd);
        event->kind = ROCK_ZYGOTE_CLONED;
        if ((zygote->walls & ROCK_WALL_USER)
            && (map_identity(zygote, notes, event->pid, plan.slot) != 0 || write(plan.mapped[1], "", 1) != 1)) {
            // The child sees its pipe end and exits; that is reported as any other end.
            fprintf(stderr, "rocklet: zygote: id map of process %d: %s\n", event->pid, strerror(errno));
        }
    } else {
        event->status = error;
    }
    close_all(plan.mapped + 1, 1);
    tell(notes, event);
    return 0;
}

// MARK: Ends

static void reap(struct notes *notes) {
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) return;
        for (uint32_t slot = 0; slot < notes->used; slot++) {
            if (notes->pids[slot] != info.si_pid) continue;
            notes->pids[slot] = 0;
            // Kept until the slot is used again: a server may have gone before it read this.
            notes->codes[slot] = info.si_code;
            notes->statuses[slot] = info.si_status;
            notes->event = (struct rock_zygote_event){
                .kind = ROCK_ZYGOTE_ENDED, .slot = slot, .pid = notes->outer[slot], .code = info.si_code,
                .status = info.si_status,
            };
            tell(notes, &notes->event);
            break;
        }
    }
}

// MARK: From server to server

// A server's connection has ended. This is the one place that ties the lives of sandboxes to their server's: when this
// process ends, so does every jail, with it if it is first in its PID namespace, by their death signal otherwise.
static void outlive_server(struct notes *notes) {
    close(notes->control);
    notes->control = -1;
    int has_jails = 0;
    for (uint32_t slot = 0; slot < notes->used && !has_jails; slot++) has_jails = notes->pids[slot] != 0;
    if (notes->door < 0 || notes->linger == 0 || !has_jails) _exit(0);
    // Whoever reads what the server wrote to its standard error shall see it end.
    if (dup2(0, 2) < 0) _exit(1);
    clock_gettime(CLOCK_BOOTTIME, &notes->deadline);
    notes->deadline.tv_sec += notes->linger;
}

// How long poll may wait, in its milliseconds.
static int time_left(const struct notes *notes) {
    if (notes->control >= 0) return -1;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    int64_t left = (int64_t)(notes->deadline.tv_sec - now.tv_sec) * 1000
        + (notes->deadline.tv_nsec - now.tv_nsec) / 1000000 + 1;
    if (left <= 1) _exit(0);
    return left < INT32_MAX ? (int)left : INT32_MAX;
}

// Takes in the next server, and tells it what has become of the jails.
static void meet_server(struct notes *notes) {
    int fd = accept4(notes->door, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != geteuid()) {
        close(fd);
        return;
    }
    notes->control = fd;
    struct rock_zygote_event *event = &notes->event;
    for (uint32_t slot = 0; slot < notes->used; slot++) {
        if (notes->pids[slot] == 0 && notes->codes[slot] == 0) continue;
        *event = (struct rock_zygote_event){
            .kind = notes->pids[slot] ? ROCK_ZYGOTE_LIVING : ROCK_ZYGOTE_ENDED, .slot = slot,
            .pid = notes->outer[slot], .code = notes->codes[slot], .status = notes->statuses[slot],
        };
        tell(notes, event);
    }
    tell(notes, &notes->greeting);
}

// Listens where the next server will look. Without a place to listen at, there will be none.
static int open_door(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof address.sun_path) return -1;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (unlink(path) == 0 || errno == ENOENT)
        && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0) {
        return fd;
    }
    fprintf(stderr, "rocklet: zygote: %s: %s\n", path, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

// MARK: Requests

// Takes one request. Returns 1 in a new jail.
static int take_request(const struct rock_zygote *zygote, struct notes *notes) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } ancillary;
    struct iovec iovec = {&notes->request, sizeof notes->request};
    struct msghdr message = {
        .msg_iov = &iovec, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes,
    };
    ssize_t count = recvmsg(notes->control, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (count <= 0) {
        outlive_server(notes);
        return 0;
    }
    int passed = -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS) memcpy(&passed, CMSG_DATA(header), sizeof passed);
    if (count == sizeof notes->request) {
        const struct rock_zygote_request *request = &notes->request;
        if (request->kind == ROCK_ZYGOTE_CLONE) return clone_jail(zygote, notes, passed);
        if (request->kind == ROCK_ZYGOTE_KILL && request->slot < ROCK_ZYGOTE_SLOTS && notes->pids[request->slot] > 0) {
            // Not reaped yet, so the number is still its own.
            kill(notes->pids[request->slot], SIGKILL);
        }
        if (request->kind == ROCK_ZYGOTE_LINGER) notes->linger = request->slot;
    }
    if (passed >= 0) close(passed);
    return 0;
}

static struct notes *prepare(const struct rock_zygote *zygote) {
    struct notes *notes = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (notes == MAP_FAILED) fail("mmap");
    if (madvise(notes, sizeof *notes, MADV_DONTFORK) != 0) fail("madvise");
    // Where glibc keeps the thread's id; unknown without checkpoint support in the kernel, and then left stale:
    // glibc 2.36 asks the kernel wherever it matters to a process of one thread.
    if (prctl(PR_GET_TID_ADDRESS, &notes->thread_id, 0, 0, 0) != 0) notes->thread_id = NULL;
    notes->procfs = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (notes->procfs < 0) fail("/proc");
    for (int i = 0; i < ROCK_ZYGOTE_CGROUPS && zygote->cgroups[i]; i++) {
        notes->cgroups[i] = open(zygote->cgroups[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        // Other servers take the folders of those that have died for their own to remove: this one's has not.
        int is_kept = zygote->linger > 0;
        if (notes->cgroups[i] < 0 || (is_kept && flock(notes->cgroups[i], LOCK_SH) != 0)) fail(zygote->cgroups[i]);
    }
    notes->control = zygote->control;
    notes->linger = zygote->linger;
    notes->door = open_door(zygote->door);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &children, NULL) != 0) fail("sigprocmask");
    notes->signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    if (notes->signals < 0) fail("signalfd");
    return notes;
}

void rock_zygote_serve(const struct rock_zygote *given) {
    struct rock_zygote zygote = *given;
    struct notes *notes = prepare(&zygote);
    struct rock_zygote_event *event = &notes->greeting;
    event->kind = ROCK_ZYGOTE_READY;
    event->identity = zygote.identity;
    const uint32_t wanted = zygote.walls;
    zygote.walls = rock_jail_probe(wanted, event->errors);
    // The zygote's own root is emptied once; each jail's mount namespace is then a copy of one single mount, which
    // belongs to a more privileged user namespace and so cannot be made writable or taken off.
    if ((wanted & ROCK_WALL_ROOT) && (zygote.walls & ROCK_WALL_MOUNT)) {
        int result = unshare(CLONE_NEWNS) != 0 ? -errno : rock_jail_empty_root();
        if (result < 0) {
            event->errors[__builtin_ctz(ROCK_WALL_ROOT)] = -result;
            zygote.walls &= ~(uint32_t)ROCK_WALL_ROOT;
        }
    } else if (wanted & ROCK_WALL_ROOT) {
        event->errors[__builtin_ctz(ROCK_WALL_ROOT)] = event->errors[__builtin_ctz(ROCK_WALL_MOUNT)];
        zygote.walls &= ~(uint32_t)ROCK_WALL_ROOT;
    }
    event->walls = zygote.walls;
    tell(notes, event);

    // A jail may not ask what kind of file standard output is, and with a buffer of its own choice stdio would.
    setvbuf(stdout, NULL, _IONBF, 0);

    struct pollfd sources[] = {{-1, POLLIN, 0}, {notes->signals, POLLIN, 0}, {-1, POLLIN, 0}};
    for (;;) {
        sources[0].fd = notes->control;
        sources[2].fd = notes->control < 0 ? notes->door : -1;
        if (poll(sources, 3, time_left(notes)) < 0) {
            if (errno == EINTR) continue;
            fail("poll");
        }
        if (sources[1].revents) {
            struct signalfd_siginfo info;
            while (read(notes->signals, &info, sizeof info) > 0) {
            }
            reap(notes);
        }
        if (sources[2].revents) meet_server(notes);
        if (sources[0].revents && take_request(&zygote, notes)) return;
    }
}
