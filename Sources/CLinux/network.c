#define _GNU_SOURCE
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int open_here(int protocol, int seconds) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0) return -errno;
    struct timeval limit = {.tv_sec = seconds};
    int size = 1 << 20, on = 1;
    // Only the limit must hold: a smaller buffer and longer error messages still work.
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

struct visit {
    int namespace_fd, family, argument, seconds, result;
};

static int open_internet(int type) {
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static void *open_there(void *visit_) {
    struct visit *visit = visit_;
    if (setns(visit->namespace_fd, CLONE_NEWNET) < 0)
        visit->result = -errno;
    else
        visit->result = visit->family == AF_NETLINK ? open_here(visit->argument, visit->seconds)
                                                    : open_internet(visit->argument);
    return NULL;
}

// By a thread of its own, which ends afterwards: nobody has to find the way back.
static int send_visitor(struct visit visit) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, open_there, &visit);
    if (error) return -error;
    pthread_join(thread, NULL);
    return visit.result;
}

int rock_netlink_open(int protocol, int namespace_fd, int seconds) {
    if (namespace_fd < 0) return open_here(protocol, seconds);
    return send_visitor((struct visit){namespace_fd, AF_NETLINK, protocol, seconds, -EIO});
}

int rock_internet_socket(int type, int namespace_fd) {
    if (namespace_fd < 0) return open_internet(type);
    return send_visitor((struct visit){namespace_fd, AF_INET, type, 0, -EIO});
}

int rock_interface_index(int socket, const char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    return ioctl(socket, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

int rock_socket_bind_early(int socket) {
    int on = 1;
    return setsockopt(socket, IPPROTO_IP, IP_FREEBIND, &on, sizeof on) < 0 ? -errno : 0;
}

static void *make_namespace(void *result_) {
    int *result = result_;
    if (unshare(CLONE_NEWNET) < 0) {
        *result = -errno;
    } else {
        int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        *result = fd < 0 ? -errno : fd;
    }
    return NULL;
}

int rock_network_namespace(void) {
    int result = -EIO;
    pthread_t thread;
    int error = pthread_create(&thread, NULL, make_namespace, &result);
    if (error) return -error;
    pthread_join(thread, NULL);
    return result;
}
