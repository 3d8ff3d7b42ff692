// What an environment must not be able to do, tried from inside. Test-only.
#ifndef ROCK_HOSTILE_CALLS_H
#define ROCK_HOSTILE_CALLS_H

#include <stdint.h>

/// Tries `deed` on `target` (a process id or a port, where it needs one). Returns 0 or more if it worked, -errno if it
/// was refused, INT32_MIN for an unknown deed.
int32_t hostile_attempt(const char *deed, int32_t target);

/// How many descriptors below 1024 are open.
int32_t hostile_descriptors(void);

/// The path the kernel noted for the program, and the first environment variable; "" where there is none.
const char *hostile_program_path(void);
const char *hostile_first_variable(void);

/// Sends bytes on the sandbox's own connection behind the service's back.
void hostile_send(const void *bytes, uint64_t count);

/// Makes the calling process an ordinary user's, as a login would: not one that hides from its own user. 0 or -errno.
int32_t become_ordinary_user(uint32_t id);

#endif
