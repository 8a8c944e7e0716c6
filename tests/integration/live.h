/* What the live tests share: a client for the server that the environment names, and a sandbox on it. */
#ifndef WRN_TESTS_LIVE_H
#define WRN_TESTS_LIVE_H

#include "ok.h"
#include <stdlib.h>
#include <string.h>

static inline bool live_is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

/* A private server needs no credentials. */
static inline bool live_is_private(void) {
    const char *url = getenv("WRENN_BASE_URL");
    return url && strcmp(url, "local:") == 0;
}

/* WRENN_TEST_ERA is sandboxes or capsules; otherwise the era is found out. */
static inline int64_t live_era(void) {
    const char *era = getenv("WRENN_TEST_ERA");
    if (!era || !*era) return WRENN_ERA_AUTO;
    if (strcmp(era, "sandboxes") == 0) return WRENN_ERA_SANDBOXES;
    CHECK_MSG(strcmp(era, "capsules") == 0, "WRENN_TEST_ERA is sandboxes or capsules, not \"%s\"", era);
    return WRENN_ERA_CAPSULES;
}

static inline wrenn_client *live_client(void) {
    wrenn_client *client = NULL;
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.era = live_era();
    if (live_is_private()) {
        setenv("TMPDIR", test_dir(), 1);
        unsetenv("XDG_RUNTIME_DIR");
    } else if (!live_is_set("WRENN_API_KEY") && !live_is_set("WRENN_TOKEN")) {
        test_skip("set WRENN_API_KEY or WRENN_TOKEN (and WRENN_BASE_URL) to test against a server");
    }
    OK(wrenn_client_new(&options, &client, &error));
    return client;
}

static inline wrenn_sandbox *live_create(wrenn_client *client) {
    wrenn_sandbox *sandbox = NULL;
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    create.template_name = "minimal";
    create.idle_timeout_sec = 120; /* should this program end badly, the server sees to the rest */
    create.flags = WRENN_SANDBOXES_CREATE_WAIT;
    OK(wrenn_sandboxes_create(client, &create, &sandbox, &error));
    return sandbox;
}

/* Destroys it and the client. */
static inline void live_end(wrenn_client *client, wrenn_sandbox *sandbox) {
    OK(wrenn_sandbox_destroy(sandbox, NULL, &error));
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
}

static inline wrenn_exec_result *live_run(wrenn_sandbox *sandbox, const char *line) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.shell = line;
    OK(wrenn_sandbox_exec(sandbox, &command, NULL, &result, &error));
    return result;
}

/* A command for its output, which is this. */
static inline void live_expect(wrenn_sandbox *sandbox, const char *line, const char *out) {
    wrenn_exec_result *result = live_run(sandbox, line);
    CHECK_STR(result->stdout_data, out);
    wrenn_exec_result_free(result);
}

#define LIVE_TEST(ident)                                                    \
    static void live_##ident(wrenn_client *client, wrenn_sandbox *sandbox); \
    TEST_SLOW(ident) {                                                      \
        wrenn_client *client = live_client();                               \
        wrenn_sandbox *sandbox = live_create(client);                       \
        live_##ident(client, sandbox);                                      \
        live_end(client, sandbox);                                          \
    }                                                                       \
    static void live_##ident(wrenn_client *client, wrenn_sandbox *sandbox)

#endif
