// Starting a program from a large process without copying it: in its memory and on a stack of its own, while it waits.
#ifndef ROCK_SPAWN_H
#define ROCK_SPAWN_H

/// Runs `begin` with `argument` in a new process, whose memory is the caller's until it executes a program or ends.
///
/// - flags: Of clone, for namespaces.
/// - error: Where `begin` puts the errno of what kept it from executing; 0 before.
/// The process, or -errno; then there is no process.
int rock_spawn(int (*begin)(void *), void *argument, int flags, const int *error);

/// For `begin`: the signals' dispositions and mask as a program expects them. Handlers go with exec; what is ignored or
/// blocked would stay. Only system calls.
void rock_spawn_reset_signals(void);

#endif
