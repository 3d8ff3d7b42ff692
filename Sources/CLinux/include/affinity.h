// Which processors a thread may run on.
#ifndef ROCK_CLINUX_AFFINITY_H
#define ROCK_CLINUX_AFFINITY_H

#include <sys/types.h>

// How many processors the calling process may use; at least 1.
int rock_processor_count(void);

// The processor that the calling thread runs on, or -errno.
int rock_current_processor(void);

// Lets thread `thread` (0 for the caller, otherwise a thread or process id) run on `processor` only. 0 or -errno.
int rock_pin(pid_t thread, int processor);

#endif
