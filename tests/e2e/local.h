/* For tests of the library with a private server ("local:"). */
#ifndef WRN_TESTS_LOCAL_H
#define WRN_TESTS_LOCAL_H

#include <signal.h>
#include <stdlib.h>

#include "ok.h"

/* What a failed test leaves to hold sandboxes. */
void test_after_each(void) {
    for (pid_t holder; (holder = test_find_process("(wrennd-holder)"));) kill(holder, SIGKILL);
}

static inline void local_environment(void) {
    setenv("TMPDIR", test_dir(), 1);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("WRENN_API_KEY");
    unsetenv("WRENN_TOKEN");
}

static inline wrenn_client *local_client(void) {
    local_environment();
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
