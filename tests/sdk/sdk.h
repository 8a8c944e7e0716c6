/* What the tests of the library share: a client on a scripted server. */
#ifndef WRN_TESTS_SDK_H
#define WRN_TESTS_SDK_H

#include <stdlib.h>
#include <wrenn/wrenn.h>

#include "script_server.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SANDBOX_BODY                                                                                        \
    "{\"id\":\"cl-0123456789abcdefghijklmno\",\"status\":\"running\",\"template\":\"minimal\",\"vcpus\":1," \
    "\"memory_mb\":512,\"timeout_sec\":0,\"created_at\":\"2026-05-01T12:00:00Z\",\"last_updated\":\"2026-05-01T12:00:00Z\"}"
#define EXEC_BODY                                                                                             \
    "{\"sandbox_id\":\"cl-0123456789abcdefghijklmno\",\"cmd\":\"echo\",\"stdout\":\"hi\\n\",\"stderr\":\"\"," \
    "\"exit_code\":0,\"duration_ms\":3,\"encoding\":\"utf-8\"}"
#define ERROR_BODY(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"because\"}}"

/* Credentials of both kinds, the era pinned, and nothing from the environment. */
static inline wrenn_client_options sdk_options(const char *url) {
    unsetenv("WRENN_API_KEY");
    unsetenv("WRENN_TOKEN");
    unsetenv("WRENN_BASE_URL");
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = url;
    options.api_key = "wrn_00000000000000000000000000000001";
    options.token = "token-1";
    options.era = WRENN_ERA_SANDBOXES;
    return options;
}

static inline wrenn_client *sdk_client(const wrenn_client_options *options) {
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(options, &client, &error);
    CHECK_MSG(rc == 0, "wrenn_client_new: %s", wrenn_error_message(error));
    return client;
}

static inline wrenn_sandbox *sdk_sandbox(wrenn_client *client) {
    wrenn_sandbox *sandbox = NULL;
    CHECK_INT(wrenn_sandbox_from_id(client, "cl-0123456789abcdefghijklmno", &sandbox, NULL), 0);
    return sandbox;
}

#endif
