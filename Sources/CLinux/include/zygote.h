// The zygote: a process, initialised once, that clones jails; and the messages between it and its server.
#ifndef ROCK_CLINUX_ZYGOTE_H
#define ROCK_CLINUX_ZYGOTE_H

#include <stdint.h>

#include "jail.h"

/// How many jails one zygote can have alive: their slots are 0 up to this.
#define ROCK_ZYGOTE_SLOTS 65536

/// How many folders a jail's limits can be spread over (cgroup v1 has one for each controller).
#define ROCK_ZYGOTE_CGROUPS 4

// MARK: Messages, one datagram each

/// What a server asks of its zygote.
struct rock_zygote_request {
    uint32_t kind;              // enum rock_zygote_request_kind
    uint32_t slot;              // which jail; free again once its end was reported
    struct rock_jail_limits limits;
    char cgroup[48];            // folder under each of the zygote's cgroups, NUL-terminated; "" for none
};

enum rock_zygote_request_kind {
    ROCK_ZYGOTE_CLONE = 1,      // carries the jail's listening socket
    ROCK_ZYGOTE_KILL = 2,       // without effect on a slot whose jail has ended
    ROCK_ZYGOTE_LINGER = 3,     // `slot` is how many seconds to wait for another server when this one has gone
};

/// What a zygote tells its server.
struct rock_zygote_event {
    uint32_t kind;              // enum rock_zygote_event_kind
    uint32_t slot;
    int32_t pid;                // cloned, living, ended: the jail's process id as the server sees it, 0 if unknown
    int32_t code;               // ended: CLD_EXITED, CLD_KILLED or CLD_DUMPED
    int32_t status;             // ended: exit status or signal; refused: errno
    uint32_t walls;             // ready: those that hold
    uint64_t identity;          // ready: what the zygote was started with
    int32_t errors[ROCK_WALL_COUNT]; // ready: errno for each that does not
};

enum rock_zygote_event_kind {
    ROCK_ZYGOTE_READY = 1,      // a server that came later hears before it of all jails, as living or ended
    ROCK_ZYGOTE_CLONED = 2,
    ROCK_ZYGOTE_REFUSED = 3,
    ROCK_ZYGOTE_ENDED = 4,
    ROCK_ZYGOTE_LIVING = 5,
};

/// Sends one message and perhaps a descriptor (-1 for none) without waiting. 0, or -errno (-EAGAIN: no room now).
int rock_message_send(int fd, const void *bytes, uint32_t count, int passed);

/// Receives one message without waiting. Its length, 0 at the end of the connection, or -errno.
int rock_message_receive(int fd, void *bytes, uint32_t count);

/// The same, but waits for a message, as long as `rock_zygote_connect` said (-EAGAIN: longer than that).
int rock_message_await(int fd, void *bytes, uint32_t count);

/// Makes the two ends of a control connection, both close-on-exec. 0 or -errno.
int rock_message_pair(int ends[2]);

// MARK: The server's side

/// Starts `path` as a zygote with an empty environment and `control` as descriptor 3, in a PID namespace of its own
/// if `own_pids` (whatever ends it, the kernel then ends everything inside), and as root of a user namespace of its
/// own if `own_user`. Does not copy the caller's memory. Returns the process id or -errno.
int rock_zygote_spawn(const char *path, char *const arguments[], int control, int own_pids, int own_user);

/// Makes a listening Unix socket at `path`, replacing a file that is there, and a non-blocking connection to it, which
/// its first accept will take. Both close-on-exec. 0 or -errno (-ENAMETOOLONG: over 107 bytes).
int rock_jail_socket(const char *path, int *listener, int *connection);

/// Connects to the zygote that listens at `path` and has no server. Each wait on the connection takes at most
/// `milliseconds`; `*pid` becomes the zygote's process id. The connection, close-on-exec, or -errno (-ENOENT and
/// -ECONNREFUSED: there is none).
int rock_zygote_connect(const char *path, int milliseconds, int *pid);

/// Connects to a jail's socket, close-on-exec and non-blocking. The connection or -errno (-ECONNREFUSED: it has ended).
int rock_jail_connect(const char *path);

/// Ends a process that need not be a child, and waits until it has ended, at most `milliseconds`. 0 or -errno.
int rock_kill_and_wait(int pid, int milliseconds);

/// Takes the lock of a folder, opened as `*fd`, for as long as that stays open: no other process has it then.
/// With `wait`, waits for whoever has it. 0 or -errno (-EWOULDBLOCK: somebody else has it).
int rock_lock_folder(const char *path, int wait, int *fd);

/// Waits for a share in a folder's lock: others can have shares, nobody the whole lock. 0 or -errno.
int rock_share_folder(const char *path, int *fd);

// MARK: The zygote's side

struct rock_zygote {
    int control;                // the connection to the server
    uint32_t walls;             // to build
    uint32_t user_base;         // jail `slot` becomes user `user_base + slot` outside
    uint32_t own_user;          // the zygote is an ordinary user outside: all jails are that user
    const char *cgroups[ROCK_ZYGOTE_CGROUPS]; // absolute folders, NULL from the first unused one on
    uint32_t cgroup_version;    // 1 or 2
    const char *door;           // where to listen for another server when this one has gone; NULL: nowhere
    uint32_t linger;            // seconds to wait for it; 0: none
    uint64_t identity;          // of the program and its settings, for that server to compare
};

/// Serves requests. When the connection ends, waits for another server as long as `zygote` says and while it has jails;
/// then ends the process and with it every jail. If it is to wait, it shares the lock of each of its cgroups' folders.
///
/// Returns only in a jail, walled in, with its listening socket as ROCK_JAIL_LISTENER. Everything that the zygote
/// writes between two clones lies on pages that jails do not share, or each jail would keep its own copy of them.
void rock_zygote_serve(const struct rock_zygote *zygote);

/// Overwrites the arguments and the environment that the kernel laid into the process's memory.
void rock_scrub_arguments(int count, char **arguments);

// Has large blocks of memory go back to the kernel when they are freed, now and in every process cloned from this one.
void rock_give_back_memory(void);

#endif
