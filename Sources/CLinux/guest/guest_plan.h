// What a guest is told, and what its parts share.
#ifndef ROCK_GUEST_PLAN_H
#define ROCK_GUEST_PLAN_H

#include "guest.h"

#include <stddef.h>

enum { MAXIMUM_LOWERS = 400, MAXIMUM_OVERLAYS = 16, MAXIMUM_BINDS = 64, MAXIMUM_WORDS = 2048, MAXIMUM_CGROUPS = 8 };

struct overlay {
    const char *target; // in the new root, without a slash in front; empty for the root itself
    const char *name;   // of its own upper and work folders
    int first, count;   // its lower layers, top first
};

struct bind {
    const char *source, *target;
    // `r` read-only with the sandbox's ids, `w` writable with the machine's ids, `f` a read-only file of the server's own
    char kind;
    int tree;
};

struct plan {
    const char *program;
    uint32_t first_id;
    const char *hostname;
    const char *folder; // holds the upper layer, unless there is a disk
    const char *disk;   // an image of a file system that does
    uint64_t shared_memory;
    const char *cgroups[MAXIMUM_CGROUPS];
    int cgroup_count;
    const char *lowers[MAXIMUM_LOWERS];
    int lower_trees[MAXIMUM_LOWERS];
    int lower_count;
    struct overlay overlays[MAXIMUM_OVERLAYS];
    int overlay_count;
    struct bind binds[MAXIMUM_BINDS];
    int bind_count;
    char *arguments[64];
    int argument_count;
    char *environment[MAXIMUM_WORDS];
    int environment_count;

    // Found on the way.
    int user_namespace, program_tree, upper_tree, processors_tree, proc_sys;
};

// Reads the plan from `fd`: records of a verb and its words, each ending in a zero byte.
void guest_read_plan(struct plan *plan, int fd);

// A user namespace with the sandbox's ids, as a descriptor.
void guest_make_user_namespace(struct plan *plan);

// Opens everything of the machine's that the sandbox will see, as detached mounts.
void guest_open_trees(struct plan *plan);
void guest_open_disk(struct plan *plan);

// Makes the root of its layers and moves into it; the machine's own files are gone afterwards.
void guest_enter_root(struct plan *plan);
void guest_mount_proc(struct plan *plan);
void guest_make_devices(struct plan *plan);
void guest_mount_binds(struct plan *plan);

void guest_enter_namespaces(struct plan *plan);
void guest_drop_capabilities(void);
void guest_filter_system_calls(void);
void guest_keep_capabilities(void);

// Says on the control connection what failed, with errno, and exits.
_Noreturn void guest_fail(enum rock_guest_step step, const char *subject);

// `guest_fail` unless `result` is 0 or more; returns it.
long guest_check(long result, enum rock_guest_step step, const char *subject);

int guest_write_at(int folder, const char *path, const char *text);

#endif
