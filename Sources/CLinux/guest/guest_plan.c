#define _GNU_SOURCE
#include "guest_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

// The words of a plan, one after the other.
struct words {
    char *next, *end;
};

static char *word(struct words *words) {
    char *text = words->next;
    char *zero = text < words->end ? memchr(text, 0, (size_t)(words->end - text)) : NULL;
    if (!zero) {
        errno = EBADMSG;
        guest_fail(ROCK_GUEST_STEP_PLAN, "a word without an end");
    }
    words->next = zero + 1;
    return text;
}

// The place for one more of a list that has `maximum`.
static int more(int *count, int maximum) {
    if (*count >= maximum) {
        errno = E2BIG;
        guest_fail(ROCK_GUEST_STEP_PLAN, "a list that is too long");
    }
    return (*count)++;
}

static void take_overlay(struct plan *plan, struct words *words) {
    struct overlay *overlay = &plan->overlays[more(&plan->overlay_count, MAXIMUM_OVERLAYS)];
    overlay->target = word(words);
    overlay->name = word(words);
    // Its layers are those named since the overlay before it.
    overlay->first = overlay == plan->overlays ? 0 : overlay[-1].first + overlay[-1].count;
    overlay->count = plan->lower_count - overlay->first;
}

static void take_record(struct plan *plan, const char *verb, struct words *words) {
    if (!strcmp(verb, "program")) plan->program = word(words);
    else if (!strcmp(verb, "ids")) plan->first_id = (uint32_t)strtoul(word(words), NULL, 10);
    else if (!strcmp(verb, "hostname")) plan->hostname = word(words);
    else if (!strcmp(verb, "folder")) plan->folder = word(words);
    else if (!strcmp(verb, "disk")) plan->disk = word(words);
    else if (!strcmp(verb, "shared-memory")) plan->shared_memory = strtoull(word(words), NULL, 10);
    else if (!strcmp(verb, "cgroup")) plan->cgroups[more(&plan->cgroup_count, MAXIMUM_CGROUPS)] = word(words);
    else if (!strcmp(verb, "lower")) plan->lowers[more(&plan->lower_count, MAXIMUM_LOWERS)] = word(words);
    else if (!strcmp(verb, "overlay")) take_overlay(plan, words);
    else if (!strcmp(verb, "argument")) plan->arguments[more(&plan->argument_count, 63)] = word(words);
    else if (!strcmp(verb, "variable")) {
        plan->environment[more(&plan->environment_count, MAXIMUM_WORDS - 1)] = word(words);
    } else if (!strcmp(verb, "bind")) {
        struct bind *bind = &plan->binds[more(&plan->bind_count, MAXIMUM_BINDS)];
        bind->kind = *word(words);
        bind->source = word(words);
        bind->target = word(words);
    } else {
        errno = EBADMSG;
        guest_fail(ROCK_GUEST_STEP_PLAN, verb);
    }
}

void guest_read_plan(struct plan *plan, int fd) {
    struct stat status;
    guest_check(fstat(fd, &status), ROCK_GUEST_STEP_PLAN, "fstat");
    char *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) guest_fail(ROCK_GUEST_STEP_PLAN, "mmap");
    struct words words = {bytes, bytes + status.st_size};
    while (words.next < words.end) {
        const char *verb = word(&words);
        take_record(plan, verb, &words);
    }
    int is_whole = plan->program && plan->first_id >= ROCK_GUEST_IDS && plan->hostname && (plan->folder || plan->disk)
        && plan->overlay_count > 0 && plan->argument_count > 0;
    if (!is_whole) {
        errno = EBADMSG;
        guest_fail(ROCK_GUEST_STEP_PLAN, "something is missing");
    }
}
