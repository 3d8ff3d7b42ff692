#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

// What the child leaves for its parent, whose memory it shares until it runs its program.
struct birth {
    const struct rock_start *start;
    int step;
    int error;
};

static int fail(struct birth *birth, int step) {
    birth->step = step;
    birth->error = errno;
    return -1;
}

static void reset_signals(void) {
    struct sigaction act;
    memset(&act, 0, sizeof act);
    act.sa_handler = SIG_DFL;
    // The table of handlers is the child's own: CLONE_SIGHAND is not asked for.
    for (int signal = 1; signal < 65; signal++)
        if (signal != SIGKILL && signal != SIGSTOP) sigaction(signal, &act, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int place_descriptors(const struct rock_start *start) {
    for (int number = 0; number < 3; number++)
        if (dup2(start->streams[number], number) < 0) return -1;
    for (size_t i = 0; i < start->kept_count; i++) {
        if (start->kept_from[i] == start->kept_to[i]) {
            if (fcntl(start->kept_to[i], F_SETFD, 0) < 0) return -1;
        } else if (dup2(start->kept_from[i], start->kept_to[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

// Raw calls: the C library's would ask every thread of the process to change too, which the parent's are.
static int change_identity(const struct rock_start *start) {
    if (syscall(SYS_setgroups, start->group_count, start->groups) < 0) return -1;
    if (syscall(SYS_setresgid, start->group, start->group, start->group) < 0) return -1;
    return (int)syscall(SYS_setresuid, start->user, start->user, start->user);
}

// In the child. Returns only on failure.
static int begin(struct birth *birth) {
    const struct rock_start *start = birth->start;
    reset_signals();
    if (setsid() < 0) return fail(birth, ROCK_START_SESSION);
    if (place_descriptors(start) < 0) return fail(birth, ROCK_START_DESCRIPTORS);
    if (start->takes_terminal && ioctl(0, TIOCSCTTY, 0) < 0) return fail(birth, ROCK_START_TERMINAL);
    if (start->changes_identity && change_identity(start) < 0) return fail(birth, ROCK_START_IDENTITY);
    // As the user it is to be: a folder that is closed to them stays closed.
    if (start->directory && chdir(start->directory) < 0) return fail(birth, ROCK_START_DIRECTORY);
    // A file that is there but cannot be run is worth telling more than that others are not there.
    int last = ENOENT, telling = 0;
    for (char *const *path = start->paths; *path; path++) {
        execve(*path, start->arguments, start->environment);
        last = errno;
        if (!telling && last != ENOENT && last != ENOTDIR) telling = last;
    }
    errno = telling ? telling : last;
    return fail(birth, ROCK_START_PROGRAM);
}

static int child(void *birth) {
    begin(birth);
    _exit(127);
}

pid_t rock_process_start(const struct rock_start *start, int *step) {
    // The child's, while the parent stands still.
    static char stack[64 * 1024] __attribute__((aligned(64)));
    struct birth birth = {start, 0, 0};
    sigset_t all, before;
    sigfillset(&all);
    // A signal's handler must not run in the child on the parent's memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &birth);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        *step = ROCK_START_CLONE;
        return -error;
    }
    if (birth.step == 0) return pid;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    *step = birth.step;
    return -birth.error;
}

pid_t rock_child_reap(int *status, int *signalled) {
    int raw = 0;
    pid_t pid;
    do pid = waitpid(-1, &raw, WNOHANG | __WALL);
    while (pid < 0 && errno == EINTR);
    if (pid < 0) return -errno;
    *signalled = WIFSIGNALED(raw);
    *status = WIFSIGNALED(raw) ? WTERMSIG(raw) : WEXITSTATUS(raw);
    return pid;
}

int rock_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0; }

int rock_close_on_exec_from(int first) {
    if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return 0;
    // Before Linux 5.11: one by one, as far as a process may have them.
    long limit = sysconf(_SC_OPEN_MAX);
    if (limit < 0 || limit > 65536) limit = 65536;
    for (int fd = first; fd < limit; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

int rock_memory_file(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int rock_set_hostname(const char *name) { return sethostname(name, strlen(name)) < 0 ? -errno : 0; }
