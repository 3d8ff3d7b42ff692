#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

int rock_o_path(void) { return O_PATH; }

int rock_open_below(int folder, const char *path, int flags, uint32_t mode, uint64_t resolve) {
    int creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .mode = creates ? mode : 0, .resolve = resolve,
    };
    long result;
    // EAGAIN: something was renamed meanwhile and the kernel could not tell whether ".." left the folder.
    int tries = 0;
    do result = syscall(SYS_openat2, folder, path, &how, sizeof how);
    while (result < 0 && (errno == EINTR || (errno == EAGAIN && tries++ < 128)));
    if (result < 0 && errno == ENOSYS && !(resolve & (ROCK_RESOLVE_BENEATH | ROCK_RESOLVE_NO_SYMLINKS | ROCK_RESOLVE_NO_XDEV))) {
        do result = openat(folder, path, flags | O_CLOEXEC, mode);
        while (result < 0 && errno == EINTR);
    }
    return result < 0 ? -errno : (int)result;
}

ssize_t rock_sendfile(int out, int in, int64_t *offset, size_t count) {
    ssize_t moved;
    off_t place = *offset;
    do moved = sendfile(out, in, &place, count);
    while (moved < 0 && errno == EINTR);
    *offset = place;
    return moved < 0 ? -errno : moved;
}

ssize_t rock_splice(int in, int out, size_t count, int nonblocking) {
    ssize_t moved;
    do moved = splice(in, NULL, out, NULL, count, SPLICE_F_MOVE | (nonblocking ? SPLICE_F_NONBLOCK : 0));
    while (moved < 0 && errno == EINTR);
    return moved < 0 ? -errno : moved;
}

// Writes what is in the pipe to a file whose file system cannot take it from there by itself.
static ssize_t write_from_pipe(int pipe, int file, int64_t offset, size_t count) {
    char bytes[16384];
    ssize_t held = read(pipe, bytes, count < sizeof bytes ? count : sizeof bytes);
    if (held < 0) return held;
    for (ssize_t done = 0; done < held;) {
        ssize_t written = pwrite(file, bytes + done, (size_t)(held - done), offset + done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -1;
        done += written;
    }
    return held;
}

static int empty_pipe(int pipe, int file, int64_t *offset, size_t count) {
    while (count > 0) {
        off_t place = *offset;
        ssize_t moved = splice(pipe, NULL, file, &place, count, SPLICE_F_MOVE);
        if (moved < 0 && errno == EINVAL) moved = write_from_pipe(pipe, file, *offset, count);
        if (moved < 0 && errno == EINTR) continue;
        if (moved < 0) return -errno;
        if (moved == 0) return -EIO;
        *offset += moved;
        count -= (size_t)moved;
    }
    return 0;
}

struct rock_receipt rock_receive_to_file(
    int socket, const int *pipe, int file, int64_t offset, size_t count, int patience_ms) {
    struct rock_receipt receipt = {0, 0, 0};
    while (receipt.taken < count) {
        ssize_t arrived =
            splice(socket, NULL, pipe[1], NULL, count - receipt.taken, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (arrived < 0 && errno == EINTR) continue;
        if (arrived < 0 && errno == EAGAIN && receipt.taken > 0) {
            struct pollfd ready = {socket, POLLIN, 0};
            if (poll(&ready, 1, patience_ms) > 0) continue;
            errno = EAGAIN;
        }
        if (arrived <= 0) {
            receipt.socket_error = arrived < 0 ? errno : ENODATA;
            return receipt;
        }
        receipt.taken += (size_t)arrived;
        receipt.file_error = -empty_pipe(pipe[0], file, &offset, (size_t)arrived);
        if (receipt.file_error) return receipt;
    }
    return receipt;
}

ssize_t rock_send_from_file(int socket, int file, int64_t *offset, size_t count, int patience_ms) {
    size_t sent = 0;
    while (sent < count) {
        ssize_t moved = rock_sendfile(socket, file, offset, count - sent);
        if (moved == -EAGAIN && sent > 0) {
            struct pollfd room = {socket, POLLOUT, 0};
            if (poll(&room, 1, patience_ms) > 0) continue;
        }
        if (moved < 0) return sent > 0 ? (ssize_t)sent : moved;
        if (moved == 0) break;
        sent += (size_t)moved;
    }
    return (ssize_t)sent;
}

int rock_write_all(int fd, const void *bytes, size_t count) {
    const char *at = bytes;
    while (count > 0) {
        ssize_t written = write(fd, at, count);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -errno;
        if (written == 0) return -EIO;
        at += written;
        count -= (size_t)written;
    }
    return 0;
}

int64_t rock_file_system(int fd) {
    struct statfs status;
    return fstatfs(fd, &status) < 0 ? -errno : (int64_t)(uint32_t)status.f_type;
}

ssize_t rock_find(const void *bytes, size_t count, const void *needle, size_t needle_count) {
    const char *found = memmem(bytes, count, needle, needle_count);
    return found ? found - (const char *)bytes : -1;
}

int rock_packet_socket(void) {
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

ssize_t rock_packet_receive(int fd, void *bytes, size_t count, int *passed) {
    // As many as the kernel lets one message carry: what does not fit would be dropped without a word.
    union {
        char bytes[CMSG_SPACE(253 * sizeof(int))];
        struct cmsghdr alignment;
    } ancillary;
    struct iovec iovec = {bytes, count};
    struct msghdr message = {
        .msg_iov = &iovec, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes,
    };
    *passed = -1;
    ssize_t taken;
    do taken = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (taken < 0 && errno == EINTR);
    if (taken < 0) return -errno;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t descriptors = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < descriptors; i++) {
            int one;
            memcpy(&one, CMSG_DATA(header) + i * sizeof one, sizeof one);
            if (*passed < 0)
                *passed = one;
            else
                close(one);
        }
    }
    if (message.msg_flags & MSG_TRUNC) {
        if (*passed >= 0) close(*passed);
        *passed = -1;
        return -EMSGSIZE;
    }
    return taken;
}
