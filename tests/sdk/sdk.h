/* What the tests of the library share: a client on a scripted server. */
#ifndef WRN_TESTS_SDK_H
#define WRN_TESTS_SDK_H

#include <malloc.h>
#include <stdlib.h>
#include <wrenn/wrenn.h>

#include "script_server.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SANDBOX_BODY                                                                                        \
    "{\"id\":\"cl-0123456789abcdefghijklmno\",\"status\":\"running\",\"template\":\"minimal\",\"vcpus\":1," \
    "\"memory_mb\":512,\"timeout_sec\":0,\"created_at\":\"2026-05-01T12:00:00Z\",\"last_updated\":\"2026-05-01T12:00:00Z\"}"
#define STATUS(status) "{\"id\":\"cl-0123456789abcdefghijklmno\",\"status\":\"" status "\"}"
#define EXEC_BODY                                                                                             \
    "{\"sandbox_id\":\"cl-0123456789abcdefghijklmno\",\"cmd\":\"echo\",\"stdout\":\"hi\\n\",\"stderr\":\"\"," \
    "\"exit_code\":0,\"duration_ms\":3,\"encoding\":\"utf-8\"}"
#define ERROR_BODY(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"because\"}}"

/* Credentials of both kinds, the era pinned, and nothing from the environment. */
static inline wrenn_client_options sdk_options(const char *url) {
    unsetenv("WRENN_API_KEY");
    unsetenv("WRENN_TOKEN");
    unsetenv("WRENN_BASE_URL");
    unsetenv("WRENN_PROXY_DOMAIN");
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = url;
    options.api_key = "wrn_00000000000000000000000000000001";
    options.token = "token-1";
    options.era = WRENN_ERA_SANDBOXES;
    /* On a busy machine under valgrind a first handshake takes many seconds. The test has a limit of its own. */
    if (test_slowly()) options.connect_timeout_ms = options.timeout_ms = 100000;
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

/* Bytes that malloc() has given out, in all threads; 0 where a sanitizer has taken its place. */
static inline size_t sdk_memory(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A server with its script, and a client with a sandbox handle on it. */
typedef struct setup {
    script_server *server;
    wrenn_client *client;
    wrenn_sandbox *sandbox;
    script_reply *answers; /* those of SET_UP() */
    size_t answer_count;
} setup;

static inline setup set_up_with(const script_reply *replies, size_t count, void (*adjust)(wrenn_client_options *)) {
    setup s = {.server = script_start(replies, count, false)};
    wrenn_client_options options = sdk_options(script_url(s.server));
    if (adjust) adjust(&options);
    s.client = sdk_client(&options);
    s.sandbox = sdk_sandbox(s.client);
    return s;
}

static inline setup set_up(const script_reply *replies, size_t count) { return set_up_with(replies, count, NULL); }

/* The same from whole answers: status line rest and body of each, one after the other. */
static inline setup set_up_answers(const char *const (*answers)[2], size_t count) {
    script_reply *replies = calloc(count, sizeof(*replies)); /* the server goes on reading them */
    for (size_t i = 0; i < count; i++) replies[i].text = script_text(answers[i][0], "", answers[i][1]);
    setup s = set_up(replies, count);
    s.answers = replies;
    s.answer_count = count;
    return s;
}
#define SET_UP(...) \
    set_up_answers((const char *const[][2]){__VA_ARGS__}, COUNT(((const char *const[][2]){__VA_ARGS__})))

static inline void tear_down(setup *s) {
    wrenn_sandbox_free(s->sandbox);
    wrenn_client_free(s->client);
    script_stop(s->server);
    for (size_t i = 0; i < s->answer_count; i++) free((char *)s->answers[i].text);
    free(s->answers);
}

/* Request `index` starts with `line` ("GET /v1/x ") and has this body. */
static inline void check_request(setup *s, size_t index, const char *line, const char *body) {
    CHECK(index < script_count(s->server));
    const char *request = script_request(s->server, index);
    CHECK_MSG(strncmp(request, line, strlen(line)) == 0, "request %zu is not %s but %s", index, line, request);
    CHECK_STR(strstr(request, "\r\n\r\n") + 4, body);
}

#endif
