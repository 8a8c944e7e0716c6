/* What tests do with real sandboxes through a real wrennd. Failures end the test. */
#ifndef WRN_TESTS_WORK_H
#define WRN_TESTS_WORK_H

#include <stdlib.h>

#include "daemon.h"

/* A private wrennd with the agent of this build, and more arguments; `extra` may be NULL. */
void start(test_daemon *d, const char *const *extra);
/* One that is not private, on the same data each time; waits until it listens. Needs no daemon_stop(). */
void serve(test_daemon *d, const char *const *extra);
/* The next one; waits until it has adopted the sandbox: before, using that is "overloaded", and on a slow machine adopting takes
 * longer than a start waits. */
void serve_again(test_daemon *d, const char *const *extra, const char *id);
/* Sends the signal to it; it must end with this status. */
void end(const test_daemon *d, int signal_number, int status);
/* Runs a line of shell that must end well and say nothing on stderr; what it put out, to be freed. */
char *sh(const test_daemon *d, const char *id, const char *line);
void make_from(const test_daemon *d, const char *template_name, char id[40]);
void snap(const test_daemon *d, const char *id, const char *name);
void resume(const test_daemon *d, const char *id);
void destroy(const test_daemon *d, const char *id);
/* Sends a POST, whose answer comes over the descriptor. */
int begin_call(const test_daemon *d, const char *path, const char *body);
/* A request to a port of the sandbox. */
reply ask(const test_daemon *d, const char *id, int port, const char *method, const char *path);

#define CHECK_SH(d, id, line, want)   \
    do {                              \
        char *got_ = sh(d, id, line); \
        CHECK_STR(got_, want);        \
        free(got_);                   \
    } while (0)

#endif
