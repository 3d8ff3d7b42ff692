#include "attributes.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

int rock_attribute_set(const char *path, const char *name, const char *value) {
    return lsetxattr(path, name, value, strlen(value), 0) == 0 ? 0 : -errno;
}

int rock_attribute_get(const char *path, const char *name, char *value, int size) {
    ssize_t count = lgetxattr(path, name, value, (size_t)(size - 1));
    if (count < 0) return -errno;
    value[count] = 0;
    return (int)count;
}
