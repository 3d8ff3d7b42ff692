// Extended attributes of folders: what a folder of cgroups belongs to.
#ifndef ROCK_ATTRIBUTES_H
#define ROCK_ATTRIBUTES_H

/// Notes `value` under `name` at the folder `path`. 0 or -errno.
int rock_attribute_set(const char *path, const char *name, const char *value);

/// Reads what is noted under `name`, into `size` bytes with a zero behind. Its length or -errno; -ERANGE where it is longer.
int rock_attribute_get(const char *path, const char *name, char *value, int size);

#endif
