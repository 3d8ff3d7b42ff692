// Readiness, signals and children as events: epoll, eventfd, signalfd, pidfd, accept4.
#ifndef ROCK_CLINUX_EVENTS_H
#define ROCK_CLINUX_EVENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

// One reported readiness: the caller's token and the kernel's EPOLL* bits.
struct rock_event {
    uint64_t token;
    uint32_t bits;
};

// The EPOLL* bits that Swift needs, with the kernel's values.
enum {
    ROCK_EPOLL_IN = 0x001,
    ROCK_EPOLL_OUT = 0x004,
    ROCK_EPOLL_ERR = 0x008,
    ROCK_EPOLL_HUP = 0x010,
    ROCK_EPOLL_RDHUP = 0x2000,
    ROCK_EPOLL_ET = 1 << 31,
};

// Creates a close-on-exec epoll instance.
int rock_epoll_create(void);

// Adds, changes or removes what `epoll` reports about `fd`.
int rock_epoll_add(int epoll, int fd, uint32_t bits, uint64_t token);
int rock_epoll_modify(int epoll, int fd, uint32_t bits, uint64_t token);
int rock_epoll_remove(int epoll, int fd);

// Waits for events, at most `timeout_ns` nanoseconds (negative: for ever). At most 256 are stored. EINTR is not
// retried: the caller's loop comes round again.
int rock_epoll_wait(int epoll, struct rock_event *events, int capacity, int64_t timeout_ns);

// Creates a non-blocking, close-on-exec event counter.
int rock_eventfd(void);

// Makes a wait on the counter return; and sets it back to zero.
int rock_eventfd_signal(int fd);
int rock_eventfd_drain(int fd);

// Blocks the `count` signals in the calling thread and in every thread it starts from now on.
int rock_signals_block(const int *signals, size_t count);

// Unblocks every signal in the calling thread: what a child wants before it runs a program.
int rock_signals_unblock_all(void);

// Creates a non-blocking, close-on-exec descriptor from which the `count` (blocked) signals can be read.
int rock_signalfd(const int *signals, size_t count);

// Takes one pending signal; returns its number.
int rock_signalfd_read(int fd);

// Opens a close-on-exec descriptor that becomes readable when the process has ended.
int rock_pidfd_open(pid_t pid);

// Sends a signal to the very process that the descriptor names, whatever its number means now.
int rock_pidfd_send_signal(int pidfd, int signal);

// Collects an ended child without blocking: returns 1 and stores how it ended, or 0 if it still runs.
// `signalled` says whether `status` is a signal number or an exit code.
int rock_pidfd_reap(int pidfd, int *status, int *signalled);

// Accepts one connection: non-blocking, close-on-exec.
int rock_accept(int listener, struct sockaddr *address, uint32_t *length);

// Creates a non-blocking, close-on-exec stream socket; connected pairs likewise.
int rock_stream_socket(int family);
int rock_stream_pair(int fds[2]);

// Creates a close-on-exec pipe: read end first.
int rock_pipe(int fds[2], int nonblocking);

// Switches O_NONBLOCK on for a descriptor that came from elsewhere.
int rock_set_nonblocking(int fd);

// Sends two pieces in one call, without SIGPIPE and without waiting. Either may be empty.
ssize_t rock_send_two(int fd, const void *first, size_t first_count, const void *second, size_t second_count);

// Receives and sends, EINTR retried, without SIGPIPE.
ssize_t rock_receive(int fd, void *buffer, size_t count);
ssize_t rock_send(int fd, const void *buffer, size_t count);

// The same without waiting, whatever the descriptor's own flag says: who shares a socket can change that.
ssize_t rock_receive_now(int fd, void *buffer, size_t count);
ssize_t rock_send_now(int fd, const void *buffer, size_t count);

// Starts a thread that runs `body(argument)`: one that is joined through `*thread`, or with NULL a detached one.
int rock_thread_start(void (*body)(void *), void *argument, uint64_t *thread);
int rock_thread_join(uint64_t thread);

// The event loop that runs the calling thread, or NULL.
void *rock_thread_loop(void);
void rock_thread_set_loop(void *loop);

// Names the calling thread (at most 15 bytes are kept): it shows in `top -H` and in debuggers.
void rock_thread_set_name(const char *name);

// Nanoseconds since boot, including suspension: the clock that Swift's ContinuousClock reads.
int64_t rock_now_ns(void);

/// A descriptor that becomes readable when somebody sets the machine's clock. Returns it, or the reason's negative errno.
int rock_clock_steps(void);

/// Whether the clock was set since the last call: 0 if so, and then the descriptor waits for the next time; a negative errno if not.
int rock_clock_steps_again(int fd);

#endif
