#define _GNU_SOURCE
#include "guest_mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Makes a loop device of `image` that goes away by itself with its last user.
static int attach_loop(int image, char path[32]) {
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) return -1;
    // The free device that the kernel names may be taken by another sandbox before it is ours.
    for (int attempt = 0; attempt < 1000; attempt++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0) break;
        snprintf(path, 32, "/dev/loop%d", number);
        int loop = open(path, O_RDWR | O_CLOEXEC);
        if (loop < 0) break;
        struct loop_config config = {.fd = (uint32_t)image, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
        if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
            close(control);
            return loop;
        }
        int error = errno;
        close(loop);
        errno = error;
        if (error != EBUSY && error != EAGAIN) break;
    }
    int error = errno;
    close(control);
    errno = error;
    return -1;
}

// Makes a detached mount of the loop device at `path`. On failure names the call in `*failed`.
static int mount_loop(const char *path, const char **failed) {
    *failed = "fsopen(ext4)";
    int context = (int)syscall(SYS_fsopen, "ext4", FSOPEN_CLOEXEC);
    if (context < 0) return -1;
    static const struct { unsigned command; const char *key, *value; } options[] = {
        {FSCONFIG_SET_STRING, "source", NULL},
        // Freed blocks go back to the machine; a worn-out image must not stop the machine.
        {FSCONFIG_SET_FLAG, "discard", NULL}, {FSCONFIG_SET_STRING, "errors", "remount-ro"},
        {FSCONFIG_SET_FLAG, "noinit_itable", NULL}, {FSCONFIG_CMD_CREATE, NULL, NULL},
    };
    int mount = 0;
    for (size_t i = 0; i < sizeof options / sizeof *options && mount >= 0; i++) {
        *failed = options[i].key ? options[i].key : "mount ext4";
        const char *value = i == 0 ? path : options[i].value;
        mount = (int)syscall(SYS_fsconfig, context, options[i].command, options[i].key, value, 0);
    }
    if (mount >= 0) {
        *failed = "fsmount";
        mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_RELATIME);
    }
    int error = errno;
    close(context);
    errno = error;
    return mount;
}

void guest_open_disk(struct plan *plan) {
    const enum rock_guest_step step = ROCK_GUEST_STEP_DISK;
    int image = (int)guest_check(open(plan->disk, O_RDWR | O_CLOEXEC | O_NOFOLLOW), step, plan->disk);
    // The loop device holds this lock for as long as it lives: while a predecessor's is not gone, this waits.
    guest_check(flock(image, LOCK_EX), step, "flock");
    char path[32] = "/dev/loop-control";
    int loop = (int)guest_check(attach_loop(image, path), step, path);
    const char *failed;
    plan->upper_tree = mount_loop(path, &failed);
    guest_check(plan->upper_tree, step, failed);
    close(loop);
    close(image);
}

// The loop device that a sandbox has `image` on: its path, and 1; 0 if there is none.
static int find_loop(const char *image, char path[32]) {
    DIR *stream = opendir("/sys/block");
    if (!stream) return 0;
    int found = 0;
    struct dirent *entry;
    while (!found && (entry = readdir(stream)) != NULL) {
        int number;
        char file[80], text[4096];
        if (sscanf(entry->d_name, "loop%d", &number) != 1) continue;
        snprintf(file, sizeof file, "/sys/block/loop%d/loop/backing_file", number);
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        ssize_t count = read(fd, text, sizeof text - 1);
        close(fd);
        text[count > 0 ? count : 0] = 0;
        text[strcspn(text, "\n")] = 0;
        if (strcmp(text, image) != 0) continue;
        snprintf(path, 32, "/dev/loop%d", number);
        found = 1;
    }
    closedir(stream);
    return found;
}

int rock_disk_open(const char *path) {
    const char *failed;
    char device[32] = "";
    int image = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (image < 0) return -errno;
    int loop = -1;
    // While its sandbox runs there is a device, and the same device is the same file system, mounted once more.
    if (flock(image, LOCK_EX | LOCK_NB) == 0) {
        loop = attach_loop(image, device);
    } else if (find_loop(path, device)) {
        loop = open(device, O_RDWR | O_CLOEXEC);
    } else {
        errno = ENXIO;
    }
    int mount = loop < 0 ? -1 : mount_loop(device, &failed);
    int error = errno;
    if (loop >= 0) close(loop);
    close(image);
    return mount < 0 ? -error : mount;
}
