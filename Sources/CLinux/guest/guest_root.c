#define _GNU_SOURCE
#include "guest_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/openat2.h>
#include <linux/securebits.h>
#include <unistd.h>

// MARK: Detached mounts

int mount_detached(int folder, const char *path) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH);
    return (int)syscall(SYS_open_tree, folder, path, flags);
}

int mount_change(int tree, uint64_t attributes, int user_namespace) {
    struct mount_attr change = {.attr_set = attributes};
    if (user_namespace >= 0) {
        change.attr_set |= MOUNT_ATTR_IDMAP;
        change.userns_fd = (uint64_t)user_namespace;
    }
    return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &change, sizeof change);
}

int mount_attach(int tree, const char *path) {
    return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

// A detached mount of a source that a client named: no part of its path may be a symbolic link, because somebody who can
// write there would choose where it leads.
static int open_source(const char *path) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd < 0) return -1;
    int tree = mount_detached(fd, "");
    int error = errno;
    close(fd);
    errno = error;
    return tree;
}

void guest_open_trees(struct plan *plan) {
    const uint64_t still = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
    plan->program_tree = (int)guest_check(
        mount_detached(AT_FDCWD, plan->program), ROCK_GUEST_STEP_PROGRAM, plan->program);
    // Read-only however the sandbox comes to hold of it: nobody overwrites the program that all sandboxes share.
    guest_check(mount_change(plan->program_tree, still | MOUNT_ATTR_NOSUID, -1), ROCK_GUEST_STEP_PROGRAM, plan->program);
    for (int i = 0; i < plan->lower_count; i++) {
        const char *path = plan->lowers[i];
        int tree = (int)guest_check(mount_detached(AT_FDCWD, path), ROCK_GUEST_STEP_LAYERS, path);
        guest_check(mount_change(tree, still, plan->user_namespace), ROCK_GUEST_STEP_LAYERS, path);
        plan->lower_trees[i] = tree;
    }
    for (int i = 0; i < plan->bind_count; i++) {
        struct bind *bind = &plan->binds[i];
        bind->tree = (int)guest_check(open_source(bind->source), ROCK_GUEST_STEP_MOUNTS, bind->source);
        uint64_t attributes = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (bind->kind == 'w' ? 0 : MOUNT_ATTR_RDONLY);
        // What a sandbox writes into a folder of the machine's must never belong to a user of the machine's.
        int ids = bind->kind == 'w' ? -1 : plan->user_namespace;
        guest_check(mount_change(bind->tree, attributes, ids), ROCK_GUEST_STEP_MOUNTS, bind->source);
    }
    // How many processors there are is no secret, and the C library asks here. Not every machine has the folder.
    plan->processors_tree = mount_detached(AT_FDCWD, "/sys/devices/system/cpu");
    if (plan->processors_tree >= 0) {
        guest_check(
            mount_change(plan->processors_tree, still | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, -1),
            ROCK_GUEST_STEP_LAYERS, "/sys/devices/system/cpu");
    }
    if (plan->disk) {
        guest_open_disk(plan);
    } else {
        plan->upper_tree = (int)guest_check(
            mount_detached(AT_FDCWD, plan->folder), ROCK_GUEST_STEP_LAYERS, plan->folder);
    }
}

// MARK: The root

// The file system's own ids are those of the sandbox from here on, because overlayfs makes files as whoever mounted it
// and an idmapped layer has no place for others. The capabilities stay.
static void take_file_ids(uint32_t id) {
    guest_check(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), ROCK_GUEST_STEP_ROOT, "securebits");
    setfsgid(id);
    setfsuid(id);
    if ((uint32_t)setfsuid((uid_t)-1) != id || (uint32_t)setfsgid((gid_t)-1) != id) {
        errno = EPERM;
        guest_fail(ROCK_GUEST_STEP_ROOT, "setfsuid");
    }
}

static void make_upper_folders(struct plan *plan) {
    char name[80];
    for (int i = 0; i < plan->overlay_count; i++) {
        for (int part = 0; part < 2; part++) {
            snprintf(name, sizeof name, "%s%s", part ? "work" : "upper", plan->overlays[i].name);
            if (mkdirat(plan->upper_tree, name, 0755) != 0 && errno != EEXIST) guest_fail(ROCK_GUEST_STEP_ROOT, name);
        }
    }
}

static void mount_overlay(const struct overlay *overlay) {
    // Paths relative to the current folder keep the list short: the kernel takes one page.
    char options[4096];
    size_t used = (size_t)snprintf(
        options, sizeof options, "index=off,metacopy=off,redirect_dir=nofollow,upperdir=u/upper%s,workdir=u/work%s,lowerdir=",
        overlay->name, overlay->name);
    for (int i = 0; i < overlay->count && used < sizeof options; i++) {
        used += (size_t)snprintf(
            options + used, sizeof options - used, "%sl%d", i ? ":" : "", overlay->first + i);
    }
    char target[256];
    int length = snprintf(target, sizeof target, "r%s%s", *overlay->target ? "/" : "", overlay->target);
    if (used >= sizeof options || length >= (int)sizeof target) {
        errno = E2BIG;
        guest_fail(ROCK_GUEST_STEP_ROOT, "too many layers");
    }
    // No device node of an image is one in here.
    guest_check(mount("overlay", target, "overlay", MS_NODEV, options), ROCK_GUEST_STEP_ROOT, "mount overlay");
}

void guest_enter_root(struct plan *plan) {
    make_upper_folders(plan);
    guest_check(
        mount_change(plan->upper_tree, MOUNT_ATTR_NODEV, plan->user_namespace), ROCK_GUEST_STEP_ROOT,
        "idmapped upper layer");
    // /proc is the one folder that every Linux root has, and the machine's is not needed any more.
    guest_check(mount("none", "/proc", "tmpfs", MS_NODEV | MS_NOSUID, "mode=0700"), ROCK_GUEST_STEP_ROOT, "tmpfs");
    guest_check(chdir("/proc"), ROCK_GUEST_STEP_ROOT, "chdir");
    guest_check(mkdir("u", 0700), ROCK_GUEST_STEP_ROOT, "mkdir");
    guest_check(mkdir("r", 0700), ROCK_GUEST_STEP_ROOT, "mkdir");
    guest_check(mount_attach(plan->upper_tree, "u"), ROCK_GUEST_STEP_ROOT, "upper layer");
    for (int i = 0; i < plan->lower_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "l%d", i);
        guest_check(mkdir(name, 0700), ROCK_GUEST_STEP_ROOT, "mkdir");
        guest_check(mount_attach(plan->lower_trees[i], name), ROCK_GUEST_STEP_ROOT, plan->lowers[i]);
        close(plan->lower_trees[i]);
    }
    close(plan->upper_tree);
    take_file_ids(plan->first_id);
    for (int i = 0; i < plan->overlay_count; i++) mount_overlay(&plan->overlays[i]);
    guest_check(chdir("r"), ROCK_GUEST_STEP_ROOT, "chdir");
    // Stacks the old root on top of the new one, so that it can be detached without a folder to hang it in.
    guest_check(syscall(SYS_pivot_root, ".", "."), ROCK_GUEST_STEP_ROOT, "pivot_root");
    guest_check(umount2(".", MNT_DETACH), ROCK_GUEST_STEP_ROOT, "umount");
    guest_check(chdir("/"), ROCK_GUEST_STEP_ROOT, "chdir");
}

// MARK: What is mounted in it

// From here on "/" is the sandbox's: whatever links its image holds, no path leads out of it.

void make_folder(const char *path, mode_t mode, enum rock_guest_step step) {
    struct stat status;
    if (mkdir(path, mode) == 0) return;
    if (errno != EEXIST || lstat(path, &status) != 0) guest_fail(step, path);
    if (!S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        guest_fail(step, path);
    }
}

// Makes the folders above `path` and what it is to be mounted on.
static void make_mount_point(const char *path, int is_folder) {
    char part[4096];
    if (strlen(path) >= sizeof part) {
        errno = ENAMETOOLONG;
        guest_fail(ROCK_GUEST_STEP_MOUNTS, path);
    }
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = 0;
        if (mkdir(part, 0755) != 0 && errno != EEXIST) guest_fail(ROCK_GUEST_STEP_MOUNTS, part);
    }
    if (is_folder) {
        if (mkdir(path, 0755) != 0 && errno != EEXIST) guest_fail(ROCK_GUEST_STEP_MOUNTS, path);
        return;
    }
    struct stat status;
    if (lstat(path, &status) == 0) {
        // Not opened: an overlay copies a file that is opened for writing to the upper layer, and waits for the disk.
        if (!S_ISLNK(status.st_mode)) return;
        // A link that an image has in such a place, as to a resolver's folder, would lead to nothing.
        guest_check(unlink(path), ROCK_GUEST_STEP_MOUNTS, path);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (fd < 0) guest_fail(ROCK_GUEST_STEP_MOUNTS, path);
    close(fd);
}

void guest_mount_binds(struct plan *plan) {
    for (int i = 0; i < plan->bind_count; i++) {
        struct bind *bind = &plan->binds[i];
        struct stat status;
        guest_check(fstat(bind->tree, &status), ROCK_GUEST_STEP_MOUNTS, bind->source);
        make_mount_point(bind->target, S_ISDIR(status.st_mode));
        guest_check(mount_attach(bind->tree, bind->target), ROCK_GUEST_STEP_MOUNTS, bind->target);
        close(bind->tree);
    }
}
