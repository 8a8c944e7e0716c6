/* For tests of the library with a private server ("local:"). */
#ifndef WRN_TESTS_LOCAL_H
#define WRN_TESTS_LOCAL_H

#include <signal.h>
#include <stdlib.h>
#include <wrenn/wrenn.h>

#include "test.h"

#define OK(call)                                                          \
    do {                                                                  \
        wrenn_error *error = NULL;                                        \
        int rc_ = (call);                                                 \
        CHECK_MSG(rc_ >= 0, "%s: %s", #call, wrenn_error_message(error)); \
    } while (0)

/* What a failed test leaves to hold sandboxes. */
void test_after_each(void) {
    for (pid_t holder; (holder = test_find_process("(wrennd-holder)"));) kill(holder, SIGKILL);
}

static inline wrenn_client *local_client(void) {
    setenv("TMPDIR", test_dir(), 1);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("WRENN_API_KEY");
    unsetenv("WRENN_TOKEN");
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "local:";
    wrenn_client *client = NULL;
    OK(wrenn_client_new(&options, &client, &error));
    return client;
}

static inline wrenn_command shell(const char *line) {
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = line;
    return command;
}

#endif
