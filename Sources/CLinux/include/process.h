// Starting programs, and collecting whatever has ended.
#ifndef ROCK_CLINUX_PROCESS_H
#define ROCK_CLINUX_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A step between the birth of a child and its program.
enum rock_start_step {
    ROCK_START_CLONE = 1,
    ROCK_START_SESSION,
    ROCK_START_TERMINAL,
    ROCK_START_DESCRIPTORS,
    ROCK_START_DIRECTORY,
    ROCK_START_IDENTITY,
    ROCK_START_PROGRAM,
};

// What to start. Every pointer is lent for the call.
struct rock_start {
    // Paths of the program, tried in order until one exists; ends with NULL.
    char *const *paths;
    char *const *arguments;    // ends with NULL
    char *const *environment;  // ends with NULL
    const char *directory;     // NULL: the caller's

    // The descriptors that become 0, 1 and 2. All at least 3.
    int streams[3];
    // Whether stream 0 is a terminal to be the child's controlling one.
    int takes_terminal;
    // Further descriptors and the numbers they get; `kept_count` of each, at most 4.
    const int *kept_from;
    const int *kept_to;
    size_t kept_count;

    // Whether the child becomes another user.
    int changes_identity;
    uid_t user;
    gid_t group;
    const gid_t *groups;
    size_t group_count;
};

// Starts a program in a session and process group of its own, with default signals and no other descriptor than those
// named (all of the caller's must be close-on-exec). The caller stands still until the program runs.
//
// Returns its process id. On failure -errno, and `*step` is the `rock_start_step` that failed; nothing is left then.
// Call it from one thread only.
pid_t rock_process_start(const struct rock_start *start, int *step);

// Collects one child that has ended, any: its process id, 0 when none has, -ECHILD when there are none.
// `*signalled` says whether `*status` is a signal's number or an exit code.
pid_t rock_child_reap(int *status, int *signalled);

// Makes orphans among the descendants children of the calling process, as they are of process 1.
int rock_adopt_orphans(void);

// Marks every descriptor from `first` on close-on-exec.
int rock_close_on_exec_from(int first);

// An anonymous file in memory, close-on-exec.
int rock_memory_file(const char *name);

// Names the machine, in the caller's UTS namespace.
int rock_set_hostname(const char *name);

#endif
