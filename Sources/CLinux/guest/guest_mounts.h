// The kernel's newer mount calls, which the C library may not have yet.
#ifndef ROCK_GUEST_MOUNTS_H
#define ROCK_GUEST_MOUNTS_H

#include "guest_plan.h"

#include <linux/mount.h>
#include <sys/types.h>


// <sys/mount.h> and <linux/mount.h> cannot both be included with every C library; these are the parts of the first.
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

// A copy of the mount at `path` that hangs nowhere: a descriptor. The path may be empty: the descriptor `folder` itself.
int mount_detached(int folder, const char *path);

// Sets `attributes` on a detached mount, and its ids where `user_namespace` is not -1.
int mount_change(int tree, uint64_t attributes, int user_namespace);

// Hangs a detached mount on `path`.
int mount_attach(int tree, const char *path);

// Makes a folder unless it is there. A link in its place is refused.
void make_folder(const char *path, mode_t mode, enum rock_guest_step step);

#endif
