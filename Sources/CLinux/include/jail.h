// Walls around a process: namespaces, an empty root, identity, resource limits, capabilities, seccomp.
#ifndef ROCK_CLINUX_JAIL_H
#define ROCK_CLINUX_JAIL_H

#include <stdint.h>

// Walls, as bits: what the kernel was asked for, or what holds.
enum rock_wall {
    ROCK_WALL_USER = 1 << 0,
    ROCK_WALL_MOUNT = 1 << 1,
    ROCK_WALL_PID = 1 << 2,
    ROCK_WALL_IPC = 1 << 3,
    ROCK_WALL_UTS = 1 << 4,
    ROCK_WALL_NETWORK = 1 << 5,
    ROCK_WALL_ROOT = 1 << 6,          // an empty read-only root
    ROCK_WALL_CAPABILITIES = 1 << 7,  // none, in no set
    ROCK_WALL_PRIVILEGES = 1 << 8,    // no_new_privs
    ROCK_WALL_SECCOMP = 1 << 9,
};

/// How many walls there are in `enum rock_wall`.
#define ROCK_WALL_COUNT 10

/// What one jail is held to; the second line behind its cgroups.
struct rock_jail_limits {
    uint64_t memory_bytes;     // of private writable memory
    uint64_t file_bytes;       // size of a file it could write
    uint32_t processes;        // of its user
    uint32_t descriptors;      // open at once
};

/// The numbers a jailed process finds its descriptors under. 0, 1 and 2 are the listener too: a stray print fails
/// with ENOTCONN, and there is no other object to reach.
#define ROCK_JAIL_LISTENER 3

/// The exit status of a process that could not build its own jail is this plus the step that failed.
#define ROCK_JAIL_EXIT 200

/// The steps of `rock_jail_enter`, in order.
enum rock_jail_step {
    ROCK_STEP_CGROUP = 1,
    ROCK_STEP_IDENTITY,
    ROCK_STEP_DESCRIPTORS,
    ROCK_STEP_LIMITS,
    ROCK_STEP_CAPABILITIES,
    ROCK_STEP_PRIVILEGES,
    ROCK_STEP_SECCOMP,
};

/// Walls in the calling, single-threaded process, which has its namespaces and its root already.
///
/// Returns 0 with everything closed but the listener, or the negated `rock_jail_step` that failed, errno set.
/// Only async-signal-safe calls. `uid` is what the process becomes: 0 inside a user namespace. `parent` is the process
/// whose death ends it where no PID namespace does.
int rock_jail_enter(
    uint32_t walls, int parent, int listener, uint32_t uid, const struct rock_jail_limits *limits
);

/// Waits for the next connection to `listener`; the jail may make no other kind of descriptor. Its number or -errno.
int rock_jail_accept(int listener);

/// The clone flags that make the namespaces among `walls`.
uint64_t rock_jail_clone_flags(uint32_t walls);

/// Replaces the file system by an empty read-only one, in a mount namespace of the caller's own. 0 or -errno.
int rock_jail_empty_root(void);

/// Tries each of `walls` in children that end at once. Returns those that hold; `errors[i]` says why bit i does not.
uint32_t rock_jail_probe(uint32_t walls, int32_t errors[ROCK_WALL_COUNT]);

#endif
