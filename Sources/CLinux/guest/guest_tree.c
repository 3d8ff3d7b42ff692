#define _GNU_SOURCE
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A sandbox may leave folders nested deeper than a path or a stack can be long. Below this depth a folder is moved to the
// top before it is looked at.
enum { DEEPEST = 48 };

struct removal {
    int top;
    unsigned moved;
    int error;
};

static int open_folder(int parent, const char *name) {
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void remove_contents(struct removal *removal, int folder, int depth);

static void remove_entry(struct removal *removal, int parent, const char *name, int depth) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) {
        removal->error = errno;
        return;
    }
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0) return;
    if (errno != ENOTEMPTY && errno != EEXIST) {
        removal->error = errno;
        return;
    }
    if (depth >= DEEPEST) {
        char moved[32];
        snprintf(moved, sizeof moved, ".removed-%u", removal->moved++);
        if (renameat(parent, name, removal->top, moved) != 0) removal->error = errno;
        return;
    }
    int folder = open_folder(parent, name);
    if (folder < 0) {
        removal->error = errno;
        return;
    }
    remove_contents(removal, folder, depth + 1);
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT && removal->error == 0) removal->error = errno;
}

// Takes over `folder`.
static void remove_contents(struct removal *removal, int folder, int depth) {
    DIR *stream = fdopendir(folder);
    if (!stream) {
        removal->error = errno;
        close(folder);
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            remove_entry(removal, folder, entry->d_name, depth);
        }
    }
    closedir(stream);
}

int rock_tree_remove(const char *path) {
    if (unlink(path) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR && errno != EPERM) return -errno;
    struct removal removal = {.top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (removal.top < 0) return -errno;
    unsigned before;
    do {
        // Each round removes what the one before has moved to the top, until nothing had to be moved.
        before = removal.moved;
        removal.error = 0;
        int folder = open_folder(removal.top, ".");
        if (folder < 0) break;
        remove_contents(&removal, folder, 0);
    } while (removal.moved != before);
    close(removal.top);
    if (rmdir(path) == 0 || errno == ENOENT) return 0;
    return -(removal.error ? removal.error : errno);
}

struct count {
    uint64_t blocks;
    uint32_t left;
};

static void count_contents(struct count *count, int folder, int depth) {
    DIR *stream = fdopendir(folder);
    if (!stream) {
        close(folder);
        return;
    }
    struct dirent *entry;
    while (count->left > 0 && (entry = readdir(stream)) != NULL) {
        struct stat status;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        count->left--;
        count->blocks += (uint64_t)status.st_blocks / (status.st_nlink > 1 && !S_ISDIR(status.st_mode) ? status.st_nlink : 1);
        if (!S_ISDIR(status.st_mode) || depth >= DEEPEST) continue;
        int below = open_folder(folder, entry->d_name);
        if (below >= 0) count_contents(count, below, depth + 1);
    }
    closedir(stream);
}

int64_t rock_tree_size(const char *path, uint32_t limit) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) return -errno;
    struct count count = {0, limit};
    count_contents(&count, folder, 0);
    return (int64_t)(count.blocks * 512);
}
