#define _GNU_SOURCE
#include "guest.h"
#include "../spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GIVEN = 7, ABOVE_GIVEN = 16 };

struct start {
    const char *path;
    const int *given;
    int error;
};

// In the child, on a stack of its own and in the memory of the parent, which waits: only system calls.
static int begin(void *argument) {
    struct start *start = argument;
    int high[GIVEN];
    // Any of them may have a number that another is to get: out of the way first.
    for (int i = 0; i < GIVEN; i++) {
        high[i] = fcntl(start->given[i], F_DUPFD, ABOVE_GIVEN);
        if (high[i] < 0) goto failed;
    }
    for (int i = 0; i < GIVEN; i++) {
        if (dup2(high[i], i) < 0) goto failed;
    }
    if (syscall(SYS_close_range, GIVEN, ~0u, 0) != 0) goto failed;
    rock_spawn_reset_signals();
    char *const arguments[] = {"rocklet", "jail", NULL};
    char *const environment[] = {NULL};
    execve(start->path, arguments, environment);
failed:
    start->error = errno;
    _exit(127);
}

int rock_guest_spawn(const char *rocklet, const int given[GIVEN]) {
    struct start start = {.path = rocklet, .given = given};
    return rock_spawn(begin, &start, CLONE_NEWPID, &start.error);
}

int rock_guest_listen(int control, struct rock_guest_word *word) {
    ssize_t count;
    do {
        count = recv(control, word, sizeof *word, MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return errno == ECONNRESET ? 0 : -errno;
    word->subject[sizeof word->subject - 1] = 0;
    return count == sizeof *word ? 1 : count == 0 ? 0 : -EBADMSG;
}

// MARK: Files in memory

static int memory_file(const char *name, uint64_t size, const void *bytes, unsigned seals) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -errno;
    uint64_t written = 0;
    while (bytes && written < size) {
        ssize_t count = write(fd, (const char *)bytes + written, size - written);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) goto failed;
        written += (uint64_t)count;
    }
    if (!bytes && ftruncate(fd, (off_t)size) != 0) goto failed;
    if (fcntl(fd, F_ADD_SEALS, seals) != 0) goto failed;
    if (bytes && lseek(fd, 0, SEEK_SET) != 0) goto failed;
    return fd;
failed:;
    int error = errno;
    close(fd);
    return -error;
}

int rock_sealed_file(const char *name, const void *bytes, uint64_t count) {
    return memory_file(name, count, bytes, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

int rock_bounded_file(const char *name, uint64_t size) {
    return memory_file(name, size, NULL, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

// MARK: Sockets

int rock_folder_listen(int folder, const char *name, int seqpacket) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, name);
    int fd = socket(AF_UNIX, (seqpacket ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if ((unlinkat(folder, name, 0) == 0 || errno == ENOENT) && bind(fd, (struct sockaddr *)&address, sizeof address) == 0
        && listen(fd, 128) == 0) {
        return fd;
    }
    int error = errno;
    close(fd);
    return -error;
}

// MARK: Ends

int rock_pidfd_exit_status(int pidfd, int *status) {
    // The kernel's struct pidfd_info as of 6.15; older ones know nothing of exit codes and say so in the mask.
    struct {
        uint64_t mask, cgroup;
        uint32_t pid, tgid, ppid, ids[8];
        int32_t exit_code;
        uint32_t more[2];
    } info = {.mask = 1 << 3 /* PIDFD_INFO_EXIT */};
    if (ioctl(pidfd, _IOWR(0xFF, 11, info), &info) != 0) return -errno;
    if (!(info.mask & (1 << 3))) return 0;
    *status = info.exit_code;
    return 1;
}

// MARK: Sparse files

static int copy_part(int from, int to, off_t start, off_t end) {
    char buffer[64 * 1024];
    while (start < end) {
        size_t wanted = (size_t)(end - start) < sizeof buffer ? (size_t)(end - start) : sizeof buffer;
        ssize_t count = pread(from, buffer, wanted, start);
        if (count < 0) return -errno;
        if (count == 0) return 0;
        for (ssize_t done = 0; done < count;) {
            ssize_t written = pwrite(to, buffer + done, (size_t)(count - done), start + done);
            if (written < 0) return -errno;
            done += written;
        }
        start += count;
    }
    return 0;
}

int rock_copy_sparse(int from, int to) {
    // File systems that can, share the blocks until one of the two is written to.
    if (ioctl(to, _IOW(0x94, 9, int) /* FICLONE */, from) == 0) return 0;
    off_t size = lseek(from, 0, SEEK_END);
    if (size < 0 || ftruncate(to, size) != 0) return -errno;
    for (off_t end = 0; end < size;) {
        off_t start = lseek(from, end, SEEK_DATA);
        if (start < 0) return errno == ENXIO ? 0 : -errno;
        end = lseek(from, start, SEEK_HOLE);
        if (end < 0) return -errno;
        int result = copy_part(from, to, start, end);
        if (result < 0) return result;
    }
    return 0;
}
