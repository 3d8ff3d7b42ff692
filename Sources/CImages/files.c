#define _GNU_SOURCE
#include "CImages.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int rock_image_open_in_root(int root, const char *path, int flags, uint32_t mode) {
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    for (;;) {
        long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0) return (int)fd;
        // EAGAIN: somebody renamed something meanwhile, and the kernel could not be sure.
        if (errno != EINTR && errno != EAGAIN) return -errno;
    }
}

int rock_image_open(int folder, const char *name, int flags, uint32_t mode) {
    int fd;
    do {
        fd = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int rock_image_whiteout(int folder, const char *name) {
    return mknodat(folder, name, S_IFCHR, makedev(0, 0)) == 0 ? 0 : -errno;
}

int rock_image_set_attribute(int fd, const char *name, const void *value, size_t count) {
    return fsetxattr(fd, name, value, count, 0) == 0 ? 0 : -errno;
}

ssize_t rock_image_get_attribute(int fd, const char *name, void *value, size_t count) {
    ssize_t result = fgetxattr(fd, name, value, count);
    return result < 0 ? -errno : result;
}

ssize_t rock_image_list_attributes(int fd, char *names, size_t count) {
    ssize_t result = flistxattr(fd, names, count);
    return result < 0 ? -errno : result;
}

int rock_image_sync(int fd) { return syncfs(fd) == 0 ? 0 : -errno; }

int rock_image_memory_file(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

ssize_t rock_image_copy(int from, int to, size_t count) {
    ssize_t result;
    do {
        result = copy_file_range(from, NULL, to, NULL, count, 0);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

unsigned rock_image_major(uint64_t device) { return major(device); }
unsigned rock_image_minor(uint64_t device) { return minor(device); }
