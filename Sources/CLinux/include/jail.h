// Walls around a process: namespaces, mounts, capabilities, seccomp.
#ifndef ROCK_CLINUX_JAIL_H
#define ROCK_CLINUX_JAIL_H

#endif
