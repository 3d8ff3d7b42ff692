#define _GNU_SOURCE
#include "affinity.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

// Enough for 8192 processors, which is the most that a kernel is built for.
#define ROCK_PROCESSOR_WORDS 128

static int allowed(unsigned long words[ROCK_PROCESSOR_WORDS]) {
    const size_t size = ROCK_PROCESSOR_WORDS * sizeof(unsigned long);
    // The main thread's mask: it is what the process was started with, even when other threads have been pinned.
    if (sched_getaffinity(getpid(), size, (cpu_set_t *)words) != 0) return -errno;
    return CPU_COUNT_S(size, (cpu_set_t *)words);
}

int rock_processor_count(void) {
    unsigned long words[ROCK_PROCESSOR_WORDS] = {0};
    int count = allowed(words);
    return count < 1 ? 1 : count;
}

int rock_processor(int index) {
    unsigned long words[ROCK_PROCESSOR_WORDS] = {0};
    const size_t size = sizeof words;
    allowed(words);
    for (int processor = 0; processor < (int)size * 8; processor++) {
        if (CPU_ISSET_S(processor, size, (cpu_set_t *)words) && index-- == 0) return processor;
    }
    return -EINVAL;
}

int rock_pin(pid_t thread, int processor) {
    if (processor < 0) return -EINVAL;
    unsigned long words[ROCK_PROCESSOR_WORDS] = {0};
    CPU_SET_S(processor, sizeof words, (cpu_set_t *)words);
    return sched_setaffinity(thread, sizeof words, (cpu_set_t *)words) == 0 ? 0 : -errno;
}
