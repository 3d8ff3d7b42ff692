#define _GNU_SOURCE
#include "guest_mounts.h"

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

static int set_option(int context, unsigned command, const char *key, const char *value) {
    return (int)syscall(SYS_fsconfig, context, command, key, value, 0);
}

void guest_open_disk(struct plan *plan) {
    const enum rock_guest_step step = ROCK_GUEST_STEP_DISK;
    int image = (int)guest_check(open(plan->disk, O_RDWR | O_CLOEXEC | O_NOFOLLOW), step, plan->disk);
    // The loop device holds this lock for as long as it lives: while a predecessor's is not gone, this waits.
    guest_check(flock(image, LOCK_EX), step, "flock");
    char path[32] = "/dev/loop-control";
    int loop = (int)guest_check(attach_loop(image, path), step, path);
    int context = (int)guest_check(syscall(SYS_fsopen, "ext4", FSOPEN_CLOEXEC), step, "fsopen(ext4)");
    guest_check(set_option(context, FSCONFIG_SET_STRING, "source", path), step, path);
    // Freed blocks go back to the machine; a worn-out image must not stop the machine.
    guest_check(set_option(context, FSCONFIG_SET_FLAG, "discard", NULL), step, "discard");
    guest_check(set_option(context, FSCONFIG_SET_STRING, "errors", "remount-ro"), step, "errors");
    guest_check(set_option(context, FSCONFIG_SET_FLAG, "noinit_itable", NULL), step, "noinit_itable");
    guest_check(set_option(context, FSCONFIG_CMD_CREATE, NULL, NULL), step, "mount ext4");
    unsigned attributes = MOUNT_ATTR_NODEV | MOUNT_ATTR_RELATIME;
    plan->upper_tree = (int)guest_check(
        syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes), step, "fsmount");
    close(context);
    close(loop);
    close(image);
}
