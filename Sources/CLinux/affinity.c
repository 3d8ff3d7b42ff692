#define _GNU_SOURCE
#include "affinity.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

// Enough for 8192 processors, which is the most that a kernel is built for.
#define ROCK_PROCESSOR_WORDS 128

int rock_processor_count(void) {
    unsigned long words[ROCK_PROCESSOR_WORDS] = {0};
    if (sched_getaffinity(0, sizeof words, (cpu_set_t *)words) != 0) return 1;
    return CPU_COUNT_S(sizeof words, (cpu_set_t *)words);
}

int rock_current_processor(void) {
    int processor = sched_getcpu();
    return processor < 0 ? -errno : processor;
}

int rock_pin(pid_t thread, int processor) {
    if (processor < 0) return -EINVAL;
    unsigned long words[ROCK_PROCESSOR_WORDS] = {0};
    CPU_SET_S(processor, sizeof words, (cpu_set_t *)words);
    return sched_setaffinity(thread, sizeof words, (cpu_set_t *)words) == 0 ? 0 : -errno;
}
