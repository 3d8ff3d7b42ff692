#define _GNU_SOURCE
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Older headers lack them; the numbers are the same on every architecture.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define RESULT(call)                                                                                                   \
    do {                                                                                                               \
        int result_ = (int)(call);                                                                                     \
        return result_ < 0 ? -errno : result_;                                                                         \
    } while (0)

int rock_epoll_create(void) { RESULT(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int epoll, int operation, int fd, uint32_t bits, uint64_t token) {
    struct epoll_event event = {.events = bits, .data.u64 = token};
    RESULT(epoll_ctl(epoll, operation, fd, &event));
}

int rock_epoll_add(int epoll, int fd, uint32_t bits, uint64_t token) {
    return control(epoll, EPOLL_CTL_ADD, fd, bits, token);
}

int rock_epoll_modify(int epoll, int fd, uint32_t bits, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, fd, bits, token);
}

int rock_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int rock_epoll_wait(int epoll, struct rock_event *events, int capacity, int64_t timeout_ns) {
    struct epoll_event reported[256];
    if (capacity > 256) capacity = 256;
    int count;
    if (timeout_ns <= 0) {
        count = epoll_wait(epoll, reported, capacity, timeout_ns < 0 ? -1 : 0);
    } else {
        struct timespec limit = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
        count = (int)syscall(SYS_epoll_pwait2, epoll, reported, capacity, &limit, NULL, 0);
        if (count < 0 && errno == ENOSYS) {  // before Linux 5.11: whole milliseconds, rounded up
            int64_t milliseconds = timeout_ns / 1000000 + 1;
            count = epoll_wait(epoll, reported, capacity, milliseconds > 86400000 ? 86400000 : (int)milliseconds);
        }
    }
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        events[i].token = reported[i].data.u64;
        events[i].bits = reported[i].events;
    }
    return count;
}

int rock_eventfd(void) { RESULT(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

int rock_eventfd_signal(int fd) {
    uint64_t one = 1;
    ssize_t written;
    do written = write(fd, &one, sizeof one);
    while (written < 0 && errno == EINTR);
    // EAGAIN: the counter is full, so the waiter wakes anyway.
    return written < 0 && errno != EAGAIN ? -errno : 0;
}

int rock_eventfd_drain(int fd) {
    uint64_t count;
    ssize_t taken;
    do taken = read(fd, &count, sizeof count);
    while (taken < 0 && errno == EINTR);
    return taken < 0 && errno != EAGAIN ? -errno : 0;
}

static void fill(sigset_t *set, const int *signals, size_t count) {
    sigemptyset(set);
    for (size_t i = 0; i < count; i++) sigaddset(set, signals[i]);
}

int rock_signals_block(const int *signals, size_t count) {
    sigset_t set;
    fill(&set, signals, count);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int rock_signals_unblock_all(void) {
    sigset_t set;
    sigemptyset(&set);
    return -pthread_sigmask(SIG_SETMASK, &set, NULL);
}

int rock_signalfd(const int *signals, size_t count) {
    sigset_t set;
    fill(&set, signals, count);
    RESULT(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

int rock_signalfd_read(int fd) {
    struct signalfd_siginfo info;
    ssize_t taken;
    do taken = read(fd, &info, sizeof info);
    while (taken < 0 && errno == EINTR);
    if (taken < 0) return -errno;
    return taken == sizeof info ? (int)info.ssi_signo : -EIO;
}

int rock_pidfd_open(pid_t pid) { RESULT(syscall(SYS_pidfd_open, pid, 0)); }

int rock_pidfd_send_signal(int pidfd, int signal) { RESULT(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0)); }

int rock_pidfd_reap(int pidfd, int *status, int *signalled) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int result;
    do result = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
    while (result < 0 && errno == EINTR);
    if (result < 0) return -errno;
    if (info.si_pid == 0) return 0;
    *status = info.si_status;
    *signalled = info.si_code != CLD_EXITED;
    return 1;
}

int rock_accept(int listener, struct sockaddr *address, uint32_t *length) {
    int fd;
    do fd = accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int rock_stream_socket(int family) { RESULT(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

int rock_stream_pair(int fds[2]) { RESULT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds)); }

int rock_pipe(int fds[2], int nonblocking) { RESULT(pipe2(fds, O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0))); }

int rock_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    RESULT(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

ssize_t rock_send_two(int fd, const void *first, size_t first_count, const void *second, size_t second_count) {
    struct iovec pieces[2] = {{(void *)first, first_count}, {(void *)second, second_count}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    ssize_t sent;
    do sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

static ssize_t receive(int fd, void *buffer, size_t count, int flags) {
    ssize_t taken;
    do taken = recv(fd, buffer, count, flags);
    while (taken < 0 && errno == EINTR);
    return taken < 0 ? -errno : taken;
}

static ssize_t send_bytes(int fd, const void *buffer, size_t count, int flags) {
    ssize_t sent;
    do sent = send(fd, buffer, count, MSG_NOSIGNAL | flags);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t rock_receive(int fd, void *buffer, size_t count) { return receive(fd, buffer, count, 0); }

ssize_t rock_send(int fd, const void *buffer, size_t count) { return send_bytes(fd, buffer, count, 0); }

ssize_t rock_receive_now(int fd, void *buffer, size_t count) { return receive(fd, buffer, count, MSG_DONTWAIT); }

ssize_t rock_send_now(int fd, const void *buffer, size_t count) { return send_bytes(fd, buffer, count, MSG_DONTWAIT); }

struct thread_start {
    void (*body)(void *);
    void *argument;
};

static void *thread_main(void *start_) {
    struct thread_start start = *(struct thread_start *)start_;
    free(start_);
    start.body(start.argument);
    return NULL;
}

int rock_thread_start(void (*body)(void *), void *argument, uint64_t *thread) {
    struct thread_start *start = malloc(sizeof *start);
    if (!start) return -ENOMEM;
    *start = (struct thread_start){body, argument};
    pthread_t handle;
    int error = pthread_create(&handle, NULL, thread_main, start);
    if (error) {
        free(start);
        return -error;
    }
    if (thread)
        *thread = (uint64_t)handle;
    else
        pthread_detach(handle);
    return 0;
}

int rock_thread_join(uint64_t thread) { return -pthread_join((pthread_t)thread, NULL); }

static _Thread_local void *thread_loop;

void *rock_thread_loop(void) { return thread_loop; }

void rock_thread_set_loop(void *loop) { thread_loop = loop; }

void rock_thread_set_name(const char *name) {
    char kept[16];
    strncpy(kept, name, sizeof kept - 1);
    kept[sizeof kept - 1] = 0;
    prctl(PR_SET_NAME, kept, 0, 0, 0);
}

int64_t rock_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int arm_clock_steps(int fd) {
    // A moment that never comes: only a step of the clock makes the descriptor readable.
    struct itimerspec never = { .it_value = { .tv_sec = (time_t)1 << 33 } };
    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0 ? -errno : 0;
}

int rock_clock_steps(void) {
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return -errno;
    int error = arm_clock_steps(fd);
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

int rock_clock_steps_again(int fd) {
    uint64_t count;
    if (read(fd, &count, sizeof count) >= 0) return -EAGAIN;
    return errno == ECANCELED ? arm_clock_steps(fd) : -errno;
}
