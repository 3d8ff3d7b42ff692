// What the image store needs of C: the file calls that Swift's Glibc hides.
//
// Functions return a non-negative result, or -errno.
#ifndef ROCK_CIMAGES_H
#define ROCK_CIMAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: Files

// Flags for opening that Swift does not see.
enum {
    ROCK_IMAGE_O_PATH = 010000000,
};

// Opens `path` as if `root` were the root of everything: neither `..` nor a symbolic link leads out. Close-on-exec.
int rock_image_open_in_root(int root, const char *path, int flags, uint32_t mode);

// Opens `name` in `folder`, close-on-exec and without following a link at the end.
int rock_image_open(int folder, const char *name, int flags, uint32_t mode);

// Makes the object by which overlayfs says that a name is gone.
int rock_image_whiteout(int folder, const char *name);

// Extended attributes of an open file or folder.
int rock_image_set_attribute(int fd, const char *name, const void *value, size_t count);
ssize_t rock_image_get_attribute(int fd, const char *name, void *value, size_t count);
ssize_t rock_image_list_attributes(int fd, char *names, size_t count);

// Writes everything of the file system that holds `fd` to its disk.
int rock_image_sync(int fd);

// Makes an anonymous file in memory, close-on-exec.
int rock_image_memory_file(const char *name);


// Copies `count` bytes between files inside the kernel, as far as it goes: the number copied, or -errno.
ssize_t rock_image_copy(int from, int to, size_t count);

// The major and minor number of a device.
unsigned rock_image_major(uint64_t device);
unsigned rock_image_minor(uint64_t device);

#endif
