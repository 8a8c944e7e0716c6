/* The monitor of a virtual machine (backend/vm/monitor.c), with a QEMU that is scripted. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/backend/vm/internal.h"
#include "test.h"

typedef struct result {
    uv_loop_t loop;
    monitor *monitor;
    bool done;
    char message[sizeof(((wrn_fault *)0)->message)];
} result;

static void on_done(void *context, const wrn_fault *fault) {
    result *r = context;
    r->done = true;
    snprintf(r->message, sizeof(r->message), "%s", fault ? fault->message : "");
    monitor_close(r->monitor);
}

/* Answers each command with the next line. */
static pid_t start_qemu(const int ends[2], const char *const *answers) {
    pid_t pid = fork();
    char chunk[4096];
    CHECK(pid >= 0);
    if (pid) return pid;
    close(ends[0]);
    for (; *answers; answers++)
        if (write(ends[1], *answers, strlen(*answers)) < 0 || read(ends[1], chunk, sizeof(chunk)) <= 0) break;
    _exit(0);
}

static bool ends_at_restart; /* it is told so before */

/* Asks it to go on; what went wrong then, or "". */
static const char *go_on_with(result *r, const char *const *answers) {
    int ends[2];
    *r = (result){0};
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_INT(uv_loop_init(&r->loop), 0);
    pid_t pid = start_qemu(ends, answers);
    close(ends[1]);
    CHECK_INT(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    r->monitor = monitor_open(&r->loop, ends[0]);
    if (ends_at_restart) monitor_end_at_restart(r->monitor);
    monitor_run(&r->loop, r->monitor, "cont", on_done, r);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    CHECK(r->done);
    CHECK_INT(uv_loop_close(&r->loop), 0);
    CHECK_INT(waitpid(pid, NULL, 0), pid);
    return r->message;
}

#define GREETING "{\"QMP\":{}}\n"
#define DONE "{\"return\":{}}\n"
#define UNHEARD "{\"return\":{},\"id\":\"unheard\"}\n"
#define REFUSED(why) "{\"error\":{\"class\":\"GenericError\",\"desc\":\"" why "\"}}\n"

TEST(what_comes_too_early_is_asked_again) {
    result r;
    CHECK_STR(go_on_with(&r, (const char *const[]){GREETING, DONE, REFUSED("Migration is not finalized yet"),
                                                   REFUSED("Migration is not finalized yet"), DONE, NULL}),
              "");
}

TEST(what_is_too_early_for_ever_is_refused) {
    enum { MANY = 30000 };
    static const char *answers[MANY + 1] = {GREETING, DONE};
    result r;
    for (int i = 2; i < MANY; i++) answers[i] = REFUSED("Migration is not finalized yet");
    CHECK_CONTAINS(go_on_with(&r, answers), "not finalized");
}

TEST(what_is_refused_is_said) {
    result r;
    CHECK_CONTAINS(go_on_with(&r, (const char *const[]){GREETING, DONE, REFUSED("no such thing"), NULL}),
                   "no such thing");
    CHECK_CONTAINS(go_on_with(&r, (const char *const[]){"nonsense\n", NULL}), "nonsense");
    CHECK_CONTAINS(go_on_with(&r, (const char *const[]){NULL}), "it has ended");
}

TEST(answers_that_nobody_waits_for_answer_no_other_command) {
    result r;
    ends_at_restart = true;
    CHECK_CONTAINS(go_on_with(&r, (const char *const[]){GREETING, DONE, UNHEARD REFUSED("no such thing"), NULL}),
                   "no such thing");
    CHECK_STR(go_on_with(&r, (const char *const[]){GREETING, DONE, UNHEARD DONE, NULL}), "");
    ends_at_restart = false;
}

TEST_MAIN
