// Networks: netlink sockets in other namespaces, and the kernel's numbers for interfaces, routes and packet filters.
#ifndef ROCK_CLINUX_NETWORK_H
#define ROCK_CLINUX_NETWORK_H

#include <linux/netconf.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdint.h>

// What the kernel's headers keep behind others that clash with the C library's, or leave without a number.
enum {
    ROCK_NETLINK_ROUTE = 0,
    ROCK_NETLINK_NETFILTER = 12,
    ROCK_NFNL_SUBSYSTEM_TABLES = 10,
    ROCK_NFNL_BATCH_BEGIN = 16,
    ROCK_NFNL_BATCH_END = 17,
    ROCK_NFPROTO_INET = 1,
    ROCK_NFPROTO_IPV4 = 2,
    ROCK_HOOK_PREROUTING = 0,
    ROCK_HOOK_INPUT = 1,
    ROCK_HOOK_FORWARD = 2,
    ROCK_HOOK_POSTROUTING = 4,
    ROCK_NF_DROP = 0,
    ROCK_NF_ACCEPT = 1,
    // Bits of a connection's state, as rules see it.
    ROCK_CT_ESTABLISHED = 1 << 1,
    ROCK_CT_RELATED = 1 << 2,
    ROCK_CT_NEW = 1 << 3,
    // A bit of its status: it was given another destination.
    ROCK_CT_STATUS_DESTINATION = 1 << 5,
    ROCK_IPV4_DEVCONF_FORWARDING = 1,
};

// Opens a close-on-exec netlink socket in the network namespace that `namespace_fd` names (negative: the caller's).
// Calls on it wait at most `seconds` for the kernel.
int rock_netlink_open(int protocol, int namespace_fd, int seconds);

// The number of an interface, in the namespace that `socket` belongs to.
int rock_interface_index(int socket, const char *name);

// Creates a non-blocking, close-on-exec IPv4 socket of `type` in the network namespace that `namespace_fd` names
// (negative: the caller's).
int rock_internet_socket(int type, int namespace_fd);

// Lets `socket` be bound to an address that no interface has yet.
int rock_socket_bind_early(int socket);

// Makes a network namespace and opens a descriptor of it, on which alone its life depends.
int rock_network_namespace(void);

#endif
