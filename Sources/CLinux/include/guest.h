// A guest: the first process of a sandbox that has a root file system.
//
// The server spawns it in a PID namespace of its own as `rocklet jail`. It reads its plan, builds the sandbox around
// itself, says that it is ready, waits for the word to go and becomes the rocklet that serves. Until that word the end of
// the control connection ends it; afterwards nothing of the server's does.
#ifndef ROCK_CLINUX_GUEST_H
#define ROCK_CLINUX_GUEST_H

#include <stdint.h>

/// How many user and group ids each sandbox has.
#define ROCK_GUEST_IDS 65536

/// Under which numbers a guest finds what it was given. The rocklet keeps the first five.
enum rock_guest_descriptor {
    ROCK_GUEST_INPUT = 0,
    ROCK_GUEST_LOG = 1, // and 2
    ROCK_GUEST_HTTP = 3,
    ROCK_GUEST_DESCRIPTORS = 4,
    ROCK_GUEST_CONTROL = 5,
    ROCK_GUEST_PLAN = 6,
};

/// What a guest does, in order; a failure names one.
enum rock_guest_step {
    ROCK_GUEST_READY = 0, // no failure: the namespaces are there
    ROCK_GUEST_STEP_PLAN,
    ROCK_GUEST_STEP_CGROUP,
    ROCK_GUEST_STEP_USER,
    ROCK_GUEST_STEP_LAYERS,
    ROCK_GUEST_STEP_DISK,
    ROCK_GUEST_STEP_ROOT,
    ROCK_GUEST_STEP_PROC,
    ROCK_GUEST_STEP_DEVICES,
    ROCK_GUEST_STEP_MOUNTS,
    ROCK_GUEST_STEP_NAMESPACES,
    ROCK_GUEST_STEP_IDENTITY,
    ROCK_GUEST_STEP_NETWORK,
    ROCK_GUEST_STEP_CAPABILITIES,
    ROCK_GUEST_STEP_SECCOMP,
    ROCK_GUEST_STEP_PROGRAM,
};

/// What a guest says on the control connection, once or twice: that it is ready; that it failed.
struct rock_guest_word {
    int32_t step;
    int32_t error; // an errno
    char subject[248];
};

/// Starts `rocklet jail` in a new PID namespace, as a child of the caller.
///
/// `given` holds the caller's descriptors for the seven numbers above, 2 being the same as 1; all stay open here.
/// Returns its process id, or -errno.
int rock_guest_spawn(const char *rocklet, const int given[7]);

/// What `rocklet jail` does. Does not return.
_Noreturn void rock_guest_main(void);

/// Receives one word without blocking. Returns 1, 0 at the end of the connection, or -errno.
int rock_guest_listen(int control, struct rock_guest_word *word);

/// Makes a file in memory that holds `bytes` and cannot change any more. A descriptor or -errno.
int rock_sealed_file(const char *name, const void *bytes, uint64_t count);

/// Makes a file in memory of `size` zero bytes that can be written but never grows. A descriptor or -errno.
int rock_bounded_file(const char *name, uint64_t size);

/// Binds and listens on `name` in the folder `folder`, of kind SOCK_STREAM or SOCK_SEQPACKET, non-blocking; replaces what
/// is there. The path may be longer than a socket's address. A descriptor or -errno.
int rock_folder_listen(int folder, const char *name, int seqpacket);

/// How a process that is not a child ended, known to Linux 6.15 and newer: 1 and `*status` as wait() has it; 0 or -errno.
int rock_pidfd_exit_status(int pidfd, int *status);

/// Copies the parts of `from` that hold data into the empty file `to`, which gets the same size. 0 or -errno.
int rock_copy_sparse(int from, int to);

/// Opens the file system of a sandbox's disk, whether or not the sandbox runs: a descriptor of a mount that hangs nowhere and
/// goes with its last descriptor. -errno on failure.
int rock_disk_open(const char *image);

/// Removes a file, or a folder and everything in it, following no link. 0, also where there is nothing, or -errno.
int rock_tree_remove(const char *path);

/// Bytes on disk of what is in a folder, of at most `limit` entries; or -errno.
int64_t rock_tree_size(const char *path, uint32_t limit);

#endif
