// Files and descriptors as they pass between a sandbox and its host: look-ups that stay in a folder, contents moved
// within the kernel, descriptors handed over.
#ifndef ROCK_CLINUX_FILES_H
#define ROCK_CLINUX_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// How openat2 walks a path, with the kernel's values.
enum {
    ROCK_RESOLVE_NO_XDEV = 0x01,       // a step onto another mount fails
    ROCK_RESOLVE_NO_MAGICLINKS = 0x02, // what /proc/PID/fd and its like lead to is no part of the tree
    ROCK_RESOLVE_NO_SYMLINKS = 0x04,
    ROCK_RESOLVE_BENEATH = 0x08,       // a step out of the folder fails
    ROCK_RESOLVE_IN_ROOT = 0x10,       // the folder is the root for "/", ".." and symbolic links
};

// Flags of open(2) that the C library shows with _GNU_SOURCE only.
int rock_o_path(void);

// Opens `path` below `folder`, close-on-exec. Where the kernel has no openat2, a look-up that may leave the folder falls
// back to openat; one that may not fails with -ENOSYS. A descriptor or -errno.
int rock_open_below(int folder, const char *path, int flags, uint32_t mode, uint64_t resolve);

// Copies from the file `in` at `*offset`, which moves on, to the socket `out` without waiting for it, at most `count`
// bytes. How many, 0 at the file's end, or -errno (-EAGAIN: the socket takes nothing now).
ssize_t rock_sendfile(int out, int in, int64_t *offset, size_t count);

// The same for as long as the socket takes something at least every `patience_ms`. How many bytes, 0 at the file's end, or
// -errno if there was none.
ssize_t rock_send_from_file(int socket, int file, int64_t *offset, size_t count, int patience_ms);

// What has come of receiving into a file.
struct rock_receipt {
    size_t taken;      // bytes that the socket has no more, whether they are in the file or not
    int socket_error;  // 0; EAGAIN: nothing has arrived; ENODATA: the other end has sent its last; what else went wrong
    int file_error;    // 0, or why the file could not be written
};

// Moves bytes that arrive on `socket`, `count` at most, through the empty pipe `pipe` to `file` at `offset`, for as long as
// some arrive at least every `patience_ms`.
struct rock_receipt rock_receive_to_file(
    int socket, const int *pipe, int file, int64_t offset, size_t count, int patience_ms);

// Moves up to `count` bytes from `in` to `out`, one of which is a pipe. With `nonblocking`, does not wait for the pipe.
ssize_t rock_splice(int in, int out, size_t count, int nonblocking);

// Writes all of `count` bytes, EINTR retried. 0 or -errno.
int rock_write_all(int fd, const void *bytes, size_t count);

// The number by which the kernel knows the kind of file system that a file lies on, or -errno.
int64_t rock_file_system(int fd);

// Where `needle` first lies in `bytes`, or -1.
ssize_t rock_find(const void *bytes, size_t count, const void *needle, size_t needle_count);

// Creates a non-blocking, close-on-exec Unix socket that carries whole messages.
int rock_packet_socket(void);

// Receives one message without waiting, and the first descriptor that came with it (close-on-exec; -1 for none); any
// other is closed. Its length, 0 at the end of the connection, or -errno (-EMSGSIZE: longer than `count`).
ssize_t rock_packet_receive(int fd, void *bytes, size_t count, int *passed);

#endif
