#define _GNU_SOURCE
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

int rock_terminal_open(void) {
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    // Where /dev holds no link to it.
    if (fd < 0 && errno == ENOENT) fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int locked = 0;
    if (ioctl(fd, TIOCSPTLCK, &locked) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

int rock_terminal_open_peer(int controller, int nonblocking) {
    int flags = O_RDWR | O_NOCTTY | O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0);
    int fd = ioctl(controller, TIOCGPTPEER, flags);
    if (fd >= 0) return fd;
    // Before Linux 4.13: by name.
    unsigned number;
    char path[32];
    if (ioctl(controller, TIOCGPTN, &number) < 0) return -errno;
    snprintf(path, sizeof path, "/dev/pts/%u", number);
    fd = open(path, flags);
    return fd < 0 ? -errno : fd;
}

int rock_terminal_resize(int controller, unsigned rows, unsigned columns) {
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    return ioctl(controller, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

pid_t rock_terminal_foreground(int controller) {
    pid_t group = 0;
    return ioctl(controller, TIOCGPGRP, &group) < 0 ? -errno : group;
}

int rock_terminal_make_sane(int peer, int echoes) {
    struct termios now, sane;
    if (tcgetattr(peer, &now) < 0) return -errno;
    sane = now;
    sane.c_iflag |= ICRNL | IUTF8 | BRKINT;
    // Without IXON no byte of what is typed can stop the output for good.
    sane.c_iflag &= ~(tcflag_t)(IGNCR | INLCR | ISTRIP | IXON);
    sane.c_oflag |= OPOST | ONLCR;
    sane.c_oflag &= ~(tcflag_t)(OCRNL | ONLRET | OLCUC);
    sane.c_lflag |= ICANON | ISIG | IEXTEN;
    tcflag_t echo = ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE;
    if (echoes)
        sane.c_lflag |= echo;
    else
        sane.c_lflag &= ~(echo | ECHONL);
    if (memcmp(&now, &sane, sizeof now) == 0) return 0;
    return tcsetattr(peer, TCSANOW, &sane) < 0 ? -errno : 0;
}

int rock_terminal_clear(int peer) {
    ioctl(peer, TCXONC, TCOON);
    return tcflush(peer, TCIFLUSH) < 0 ? -errno : 0;
}

int rock_terminal_give(int peer, uid_t user) {
    if (fchown(peer, user, (gid_t)-1) < 0) return -errno;
    return fchmod(peer, 0620) < 0 ? -errno : 0;
}
