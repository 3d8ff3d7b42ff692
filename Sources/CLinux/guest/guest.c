#define _GNU_SOURCE
#include "guest_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// MARK: Talking to the server

static void say(const struct rock_guest_word *word) {
    while (send(ROCK_GUEST_CONTROL, word, sizeof *word, MSG_NOSIGNAL) < 0) {
        // The server is gone, and with it whoever wanted this sandbox.
        if (errno != EINTR) _exit(1);
    }
}

_Noreturn void guest_fail(enum rock_guest_step step, const char *subject) {
    struct rock_guest_word word = {.step = (int32_t)step, .error = errno};
    strncpy(word.subject, subject, sizeof word.subject - 1);
    say(&word);
    _exit(1);
}

long guest_check(long result, enum rock_guest_step step, const char *subject) {
    if (result < 0) guest_fail(step, subject);
    return result;
}

static void wait_for_go(void) {
    char byte;
    ssize_t count;
    do {
        count = recv(ROCK_GUEST_CONTROL, &byte, 1, 0);
    } while (count < 0 && errno == EINTR);
    if (count != 1) _exit(1);
}

// MARK: The sequence

static void join_cgroups(const struct plan *plan) {
    for (int i = 0; i < plan->cgroup_count; i++) {
        guest_check(guest_write_at(AT_FDCWD, plan->cgroups[i], "0"), ROCK_GUEST_STEP_CGROUP, plan->cgroups[i]);
    }
}

_Noreturn void rock_guest_main(void) {
    static struct plan plan;
    guest_read_plan(&plan, ROCK_GUEST_PLAN);
    umask(022);
    setsid();
    // First, so that all that follows is charged to the sandbox, and found by whoever clears up after it.
    join_cgroups(&plan);
    guest_make_user_namespace(&plan);
    guest_check(unshare(CLONE_NEWNS), ROCK_GUEST_STEP_ROOT, "unshare");
    // Nothing mounted here may travel back to the machine.
    guest_check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), ROCK_GUEST_STEP_ROOT, "mount --make-rprivate");
    guest_open_trees(&plan);
    guest_enter_root(&plan);
    guest_make_devices(&plan);
    guest_mount_proc(&plan);
    guest_mount_binds(&plan);
    guest_enter_namespaces(&plan);
    say(&(struct rock_guest_word){.step = ROCK_GUEST_READY});
    wait_for_go();
    guest_drop_capabilities();
    guest_filter_system_calls();
    guest_keep_capabilities();
    // The control connection ends with a successful exec, which is how the server learns of it.
    guest_check(
        syscall(SYS_close_range, ROCK_GUEST_CONTROL, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */), ROCK_GUEST_STEP_PROGRAM,
        "close_range");
    syscall(SYS_execveat, plan.program_tree, "", plan.arguments, plan.environment, AT_EMPTY_PATH);
    guest_fail(ROCK_GUEST_STEP_PROGRAM, plan.program);
}
