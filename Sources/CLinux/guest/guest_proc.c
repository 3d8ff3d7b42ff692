#define _GNU_SOURCE
#include "guest_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { LOOSE = MS_NOSUID | MS_NOEXEC };

static void missing_is_fine(int result, enum rock_guest_step step, const char *path) {
    if (result != 0 && errno != ENOENT) guest_fail(step, path);
}

// MARK: /proc and /sys

static void make_read_only(const char *path, enum rock_guest_step step) {
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) != 0) return missing_is_fine(-1, step, path);
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NODEV | LOOSE;
    guest_check(mount(NULL, path, NULL, flags, NULL), step, path);
}

// An empty folder that nobody can put anything into.
static int mount_nothing(const char *path) {
    return mount("none", path, "tmpfs", MS_RDONLY | MS_NODEV | LOOSE, "size=4k,nr_inodes=2,mode=0555");
}

void guest_mount_proc(struct plan *plan) {
    const enum rock_guest_step step = ROCK_GUEST_STEP_PROC;
    make_folder("/proc", 0555, step);
    guest_check(mount("proc", "/proc", "proc", MS_NODEV | LOOSE, NULL), step, "/proc");
    // The one way to the kernel's settings that stays open, for this process's own few.
    plan->proc_sys = (int)guest_check(open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC), step, "/proc/sys");
    // What container engines hide, and what else tells of the machine or its kernel.
    static const char *const hidden_files[] = {
        "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
        "/proc/sched_debug", "/proc/interrupts", "/proc/softirqs", "/proc/kmsg", "/proc/kallsyms", "/proc/kpagecount",
        "/proc/kpageflags", "/proc/kpagecgroup", "/proc/vmallocinfo", "/proc/slabinfo", "/proc/pagetypeinfo",
        "/proc/iomem", "/proc/ioports", "/proc/modules", "/proc/config.gz", "/proc/mtrr", "/proc/schedstat",
        "/proc/cmdline",
    };
    static const char *const hidden_folders[] = {
        "/proc/acpi", "/proc/asound", "/proc/scsi", "/proc/firmware", "/proc/driver", "/proc/dynamic_debug",
        "/proc/pressure", "/proc/tty",
    };
    static const char *const read_only[] = {
        "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs",
    };
    for (size_t i = 0; i < sizeof hidden_files / sizeof *hidden_files; i++) {
        missing_is_fine(mount("/dev/null", hidden_files[i], NULL, MS_BIND, NULL), step, hidden_files[i]);
    }
    const char *nothing = NULL;
    for (size_t i = 0; i < sizeof hidden_folders / sizeof *hidden_folders; i++) {
        const char *path = hidden_folders[i];
        int result = nothing ? mount(nothing, path, NULL, MS_BIND, NULL) : mount_nothing(path);
        missing_is_fine(result, step, path);
        if (result == 0) nothing = path;
    }
    for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++) make_read_only(read_only[i], step);

    // No /sys but the list of processors.
    make_folder("/sys", 0555, step);
    guest_check(mount("none", "/sys", "tmpfs", MS_NODEV | LOOSE, "size=4k,nr_inodes=8,mode=0555"), step, "/sys");
    if (plan->processors_tree >= 0) {
        static const char *const folders[] = {"/sys/devices", "/sys/devices/system", "/sys/devices/system/cpu"};
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) make_folder(folders[i], 0555, step);
        guest_check(mount_attach(plan->processors_tree, folders[2]), step, folders[2]);
        close(plan->processors_tree);
    }
    unsigned long flags = MS_REMOUNT | MS_RDONLY | MS_NODEV | LOOSE;
    guest_check(mount(NULL, "/sys", NULL, flags, NULL), step, "/sys");
}

// MARK: /dev

void guest_make_devices(struct plan *plan) {
    const enum rock_guest_step step = ROCK_GUEST_STEP_DEVICES;
    const unsigned id = plan->first_id;
    char options[128];
    make_folder("/dev", 0755, step);
    snprintf(options, sizeof options, "size=64k,nr_inodes=64,mode=0755,uid=%u,gid=%u", id, id);
    guest_check(mount("none", "/dev", "tmpfs", LOOSE, options), step, "/dev");
    static const struct { const char *path; unsigned major, minor; } nodes[] = {
        {"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7},
        {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
    };
    mode_t mask = umask(0);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        dev_t device = makedev(nodes[i].major, nodes[i].minor);
        guest_check(mknod(nodes[i].path, S_IFCHR | 0666, device), step, nodes[i].path);
    }
    umask(mask);
    static const struct { const char *path, *target; } links[] = {
        {"/dev/fd", "/proc/self/fd"}, {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
        {"/dev/stderr", "/proc/self/fd/2"}, {"/dev/ptmx", "pts/ptmx"},
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        guest_check(symlink(links[i].target, links[i].path), step, links[i].path);
    }
    make_folder("/dev/pts", 0755, step);
    // 5 is the group `tty` of every distribution.
    snprintf(options, sizeof options, "newinstance,ptmxmode=0666,mode=0620,gid=%u,max=1024", id + 5);
    guest_check(mount("devpts", "/dev/pts", "devpts", LOOSE, options), step, "/dev/pts");
    make_folder("/dev/shm", 01777, step);
    snprintf(
        options, sizeof options, "size=%llu,mode=1777,uid=%u,gid=%u", (unsigned long long)plan->shared_memory, id, id);
    guest_check(mount("shm", "/dev/shm", "tmpfs", MS_NODEV | LOOSE, options), step, "/dev/shm");
}
