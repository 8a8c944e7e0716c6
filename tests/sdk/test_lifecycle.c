/* One sandbox between its states: pause, resume, connect, creating with a key; its metrics and its URLs. */
#include "sdk.h"

#define ID "cl-0123456789abcdefghijklmno"
#define PATH "/v1/sandboxes/" ID

/* ---- pause and resume ---- */

static const wrenn_sandbox_pause_options pause_wait = {.struct_size = sizeof(wrenn_sandbox_pause_options),
                                                       .flags = WRENN_SANDBOX_PAUSE_WAIT};
static const wrenn_sandbox_resume_options resume_wait = {.struct_size = sizeof(wrenn_sandbox_resume_options),
                                                         .flags = WRENN_SANDBOX_RESUME_WAIT};

static const char *status_of(setup *s) { return wrenn_sandbox_last_info(s->sandbox)->status_text; }

TEST(pause_and_resume_tell_the_handle_what_the_server_said) {
    setup s = SET_UP({"200 OK", STATUS("paused")}, {"202 Accepted", STATUS("resuming")}, {"202 Accepted", ""});
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, NULL, NULL), 0);
    CHECK_STR(status_of(&s), "paused");
    CHECK_INT(wrenn_sandbox_resume(s.sandbox, NULL, NULL), 0);
    CHECK_STR(status_of(&s), "resuming");
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, NULL, NULL), 0);
    CHECK_STR(status_of(&s), "resuming");
    CHECK_INT(script_count(s.server), 3);
    tear_down(&s);
}

TEST(with_wait_an_answer_that_comes_early_is_followed_to_its_end) {
    setup s = SET_UP({"202 Accepted", STATUS("pausing")}, {"200 OK", STATUS("pausing")},
                     {"500 Oops", ERROR_BODY("internal_error")}, {"200 OK", STATUS("paused")},
                     {"202 Accepted", STATUS("paused")}, {"200 OK", STATUS("paused")}, {"200 OK", STATUS("thawing")},
                     {"200 OK", STATUS("running")}, {"202 Accepted", ""}, {"200 OK", STATUS("hibernated")});
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &pause_wait, NULL), 0);
    CHECK_STR(status_of(&s), "paused");
    check_request(&s, 0, "POST " PATH "/pause ", "{}");
    check_request(&s, 1, "GET " PATH " ", "");
    CHECK_INT(script_count(s.server), 4);
    CHECK_INT(wrenn_sandbox_resume(s.sandbox, &resume_wait, NULL), 0);
    CHECK_STR(status_of(&s), "running");
    check_request(&s, 4, "POST " PATH "/resume ", "{}");
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &pause_wait, NULL), 0);
    CHECK_INT(script_count(s.server), 10);
    tear_down(&s);
}

TEST(with_wait_an_answer_that_is_final_costs_no_look) {
    setup s = SET_UP({"200 OK", STATUS("paused")}, {"200 OK", STATUS("running")});
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &pause_wait, NULL), 0);
    CHECK_INT(wrenn_sandbox_resume(s.sandbox, &resume_wait, NULL), 0);
    CHECK_INT(script_count(s.server), 2);
    tear_down(&s);
}

/* It may be paused already. */
TEST(hibernating_is_asked_for) {
    setup s = SET_UP({"200 OK", STATUS("hibernated")}, {"202 Accepted", STATUS("paused")});
    wrenn_sandbox_pause_options options = pause_wait;
    options.flags |= WRENN_SANDBOX_PAUSE_HIBERNATE;
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &options, NULL), 0);
    CHECK_STR(status_of(&s), "hibernated");
    check_request(&s, 0, "POST " PATH "/pause ", "{\"hibernate\":true}");
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &options, NULL), 0);
    CHECK_INT(script_count(s.server), 2);
    tear_down(&s);
}

TEST(a_pause_that_comes_to_nothing_is_a_conflict) {
    setup s =
        SET_UP({"202 Accepted", STATUS("pausing")}, {"200 OK", STATUS("running")}, {"202 Accepted", STATUS("pausing")},
               {"200 OK", STATUS("stopped")}, {"202 Accepted", STATUS("resuming")}, {"200 OK", STATUS("paused")},
               {"202 Accepted", STATUS("resuming")}, {"404 Not Found", ERROR_BODY("not_found")});
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &pause_wait, &error), WRENN_E_CONFLICT);
    CHECK_CONTAINS(wrenn_error_message(error), "status running");
    wrenn_error_free(error);
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &pause_wait, NULL), WRENN_E_CONFLICT);
    CHECK_INT(wrenn_sandbox_resume(s.sandbox, &resume_wait, NULL), WRENN_E_CONFLICT);
    CHECK_INT(wrenn_sandbox_resume(s.sandbox, &resume_wait, NULL), WRENN_E_NOT_FOUND);
    tear_down(&s);
}

TEST(pause_and_resume_are_never_sent_twice) {
    setup s = SET_UP({"502 Bad Gateway", ERROR_BODY("agent_error")}, {"409 Conflict", ERROR_BODY("invalid_state")});
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &pause_wait, NULL), WRENN_E_AGENT);
    CHECK_INT(wrenn_sandbox_resume(s.sandbox, &resume_wait, NULL), WRENN_E_CONFLICT);
    CHECK_INT(script_count(s.server), 2);
    tear_down(&s);
}

TEST(waiting_for_a_pause_ends_with_the_time) {
    setup s = SET_UP({"202 Accepted", STATUS("pausing")}, {"200 OK", STATUS("pausing")});
    wrenn_sandbox_pause_options options = pause_wait;
    options.call.timeout_ms = 300;
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &options, NULL), WRENN_E_TIMEOUT);
    tear_down(&s);
}

TEST(bad_life_cycle_options_are_named) {
    setup s = SET_UP({"200 OK", ""});
    wrenn_sandbox_pause_options pause = WRENN_SANDBOX_PAUSE_OPTIONS_INIT;
    wrenn_sandbox_resume_options resume = WRENN_SANDBOX_RESUME_OPTIONS_INIT;
    wrenn_sandboxes_connect_options connect = WRENN_SANDBOXES_CONNECT_OPTIONS_INIT;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    pause.flags = resume.flags = 4;
    connect.interval_ms = -1;
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, &pause, &error), WRENN_E_INVALID_ARGUMENT);
    CHECK_CONTAINS(wrenn_error_message(error), "WRENN_SANDBOX_PAUSE_");
    wrenn_error_free(error);
    CHECK_INT(wrenn_sandbox_resume(s.sandbox, &resume, &error), WRENN_E_INVALID_ARGUMENT);
    CHECK_CONTAINS(wrenn_error_message(error), "WRENN_SANDBOX_RESUME_");
    wrenn_error_free(error);
    CHECK_INT(wrenn_sandboxes_connect(s.client, ID, &connect, &sandbox, &error), WRENN_E_INVALID_ARGUMENT);
    CHECK_CONTAINS(wrenn_error_message(error), "interval_ms");
    wrenn_error_free(error);
    CHECK_INT(wrenn_sandboxes_connect(s.client, "..", NULL, &sandbox, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_pause(NULL, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(script_connections(s.server), 0);
    tear_down(&s);
}

/* ---- connect ---- */

static int connect_to(setup *s, wrenn_sandbox **sandbox) {
    wrenn_sandboxes_connect_options options = WRENN_SANDBOXES_CONNECT_OPTIONS_INIT;
    options.interval_ms = 1;
    return wrenn_sandboxes_connect(s->client, ID, &options, sandbox, NULL);
}

TEST(connect_resumes_what_is_paused_and_waits_until_it_runs) {
    setup s = SET_UP({"200 OK", STATUS("pausing")}, {"200 OK", STATUS("paused")}, {"202 Accepted", STATUS("resuming")},
                     {"503 Busy", ERROR_BODY("host_unavailable")}, {"200 OK", STATUS("running")},
                     {"200 OK", STATUS("paused")}, {"409 Conflict", ERROR_BODY("invalid_state")},
                     {"200 OK", STATUS("running")});
    wrenn_sandbox *sandbox = NULL;
    CHECK_INT(connect_to(&s, &sandbox), 0);
    CHECK_STR(wrenn_sandbox_id(sandbox), ID);
    CHECK_STR(wrenn_sandbox_last_info(sandbox)->status_text, "running");
    check_request(&s, 1, "GET " PATH " ", "");
    check_request(&s, 2, "POST " PATH "/resume ", "{}");
    CHECK_INT(script_count(s.server), 5);
    wrenn_sandbox_free(sandbox);
    CHECK_INT(connect_to(&s, &sandbox), 0); /* somebody else resumed it */
    CHECK_INT(script_count(s.server), 8);
    wrenn_sandbox_free(sandbox);
    tear_down(&s);
}

TEST(connect_fails_at_once_when_waiting_is_in_vain) {
    setup s = SET_UP({"200 OK", STATUS("stopped")}, {"500 Oops", ERROR_BODY("internal_error")},
                     {"200 OK", STATUS("paused")}, {"502 Bad Gateway", ERROR_BODY("agent_error")},
                     {"200 OK", STATUS("pending")}, {"404 Not Found", ERROR_BODY("not_found")});
    static const int codes[] = {WRENN_E_CONFLICT, WRENN_E_INTERNAL, WRENN_E_AGENT, WRENN_E_NOT_FOUND};
    for (size_t i = 0; i < COUNT(codes); i++) {
        wrenn_sandbox *sandbox = NULL;
        CHECK_INT(connect_to(&s, &sandbox), codes[i]);
        CHECK(sandbox == NULL);
    }
    CHECK_INT(script_count(s.server), 6);
    tear_down(&s);
}

TEST(a_connection_nobody_takes_is_freed_with_its_operation) {
    setup s = SET_UP({"200 OK", STATUS("running")});
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandboxes_connect_start(s.client, ID, NULL, NULL, NULL, &op, NULL), 0);
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s.client, -1, NULL) >= 0);
    wrenn_op_free(op);
    tear_down(&s);
}

/* ---- create with a key ---- */

TEST(an_idempotency_key_goes_with_create_alone) {
    setup s = SET_UP({"202 Accepted", STATUS("starting")}, {"200 OK", STATUS("running")},
                     {"201 Created", STATUS("running")}, {"201 Created", STATUS("running")});
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    options.call.idempotency_key = "job-7/attempt";
    options.flags = WRENN_SANDBOXES_CREATE_WAIT;
    for (int i = 0; i < 3; i++) {
        wrenn_sandbox *made = NULL;
        CHECK_INT(wrenn_sandboxes_create(s.client, &options, &made, NULL), 0);
        wrenn_sandbox_free(made);
        options.call.idempotency_key = NULL;
    }
    CHECK_CONTAINS(script_request(s.server, 0), "\r\nIdempotency-Key: job-7/attempt\r\n");
    CHECK(!strstr(script_request(s.server, 1), "Idempotency"));
    /* The library makes keys of its own, never twice the same. */
    const char *key = strstr(script_request(s.server, 2), "\r\nIdempotency-Key: ");
    CHECK(key && strspn(key + 19, "0123456789abcdef") == 32);
    CHECK(!strstr(script_request(s.server, 3), key + 19));
    tear_down(&s);
}

TEST(an_idempotency_key_cannot_become_another_header) {
    setup s = SET_UP({"200 OK", ""});
    char longest[257];
    memset(longest, 'x', 256);
    longest[256] = '\0';
    const char *const bad[] = {"", "a\r\nX-Evil: 1", "a b", "\xc3\xa9", longest};
    for (size_t i = 0; i < COUNT(bad); i++) {
        wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
        options.call.idempotency_key = bad[i];
        wrenn_sandbox *made = NULL;
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_sandboxes_create(s.client, &options, &made, &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), "idempotency_key");
        wrenn_error_free(error);
    }
    CHECK_INT(script_connections(s.server), 0);
    tear_down(&s);
}

/* ---- metrics ---- */

TEST(metrics_are_asked_for_by_range) {
    setup s = SET_UP({"200 OK", "{\"sandbox_id\":\"" ID "\",\"range\":\"10m\",\"points\":[]}"},
                     {"200 OK", "{\"points\":[{\"timestamp_unix\":1714564800,\"cpu_pct\":12.5,\"mem_bytes\":5000000000,"
                                "\"disk_bytes\":7}]}"},
                     {"400 Bad Request", ERROR_BODY("invalid_request")}, {"200 OK", "{\"points\":7}"});
    wrenn_metrics *metrics = NULL;
    wrenn_sandbox_metrics_options options = WRENN_SANDBOX_METRICS_OPTIONS_INIT;
    CHECK_INT(wrenn_sandbox_metrics(s.sandbox, NULL, &metrics, NULL), 0);
    CHECK_INT(metrics->points_count, 0);
    CHECK_STR(metrics->range, "10m");
    wrenn_metrics_free(metrics);
    options.range = "24h";
    CHECK_INT(wrenn_sandbox_metrics(s.sandbox, &options, &metrics, NULL), 0);
    CHECK_INT(metrics->points_count, 1);
    CHECK_INT(metrics->points[0]->timestamp_unix, 1714564800);
    CHECK_INT(metrics->points[0]->mem_bytes, 5000000000);
    wrenn_metrics_free(metrics);
    options.range = "1 week&x=y";
    CHECK_INT(wrenn_sandbox_metrics(s.sandbox, &options, &metrics, NULL), WRENN_E_VALIDATION);
    CHECK_INT(wrenn_sandbox_metrics(s.sandbox, NULL, &metrics, NULL), WRENN_E_PROTOCOL);
    check_request(&s, 0, "GET " PATH "/metrics HTTP", "");
    check_request(&s, 1, "GET " PATH "/metrics?range=24h ", "");
    check_request(&s, 2, "GET " PATH "/metrics?range=1%20week%26x%3Dy ", "");
    tear_down(&s);
}

/* ---- URLs ---- */

static int url_for(const char *base, const char *domain, const char *id, int64_t port, const char *scheme, char **url,
                   wrenn_error **error) {
    wrenn_client_options options = sdk_options(base);
    options.proxy_domain = domain;
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = NULL;
    CHECK_INT(wrenn_sandbox_from_id(client, id, &sandbox, NULL), 0);
    int rc = wrenn_sandbox_url(sandbox, port, scheme, url, error);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return rc;
}

TEST(a_port_has_a_url_under_the_domain_of_the_server) {
    static const struct {
        const char *base, *domain;
        int64_t port;
        const char *scheme, *url;
    } cases[] = {
        {"https://app.wrenn.dev/api", NULL, 8080, NULL, "https://8080-cl-1.wrenn.dev"},
        {"HTTPS://APP.wrenn.dev:443/api", NULL, 1, "wss", "wss://1-cl-1.wrenn.dev"},
        {"https://app.wrenn.dev.evil.example", NULL, 80, NULL, "https://80-cl-1.app.wrenn.dev.evil.example"},
        {"https://api.wrenn.dev", NULL, 65535, "http", "http://65535-cl-1.api.wrenn.dev"},
        {"http://127.0.0.1:8080/prefix/", NULL, 80, NULL, "http://80-cl-1.localhost:8080"},
        {"http://127.0.0.1", NULL, 80, NULL, "http://80-cl-1.localhost"},
        {"http://127.0.0.10:8080", NULL, 80, NULL, "http://80-cl-1.127.0.0.10:8080"},
        {"http://127.0.0.1:8080", NULL, 80, "ws", "ws://80-cl-1.localhost:8080"},
        {"http://[::1]:8080", "boxes.example:81", 80, "https", "https://80-cl-1.boxes.example:81"},
        {"https://app.wrenn.dev/api", "boxes.example", 80, NULL, "https://80-cl-1.boxes.example"},
        {"unix:/nonexistent", NULL, 80, NULL, "http://80-cl-1.localhost"},
        {"unix:/nonexistent", "boxes.example", 80, "wss", "wss://80-cl-1.boxes.example"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *url = NULL;
        CHECK_INT(url_for(cases[i].base, cases[i].domain, "cl-1", cases[i].port, cases[i].scheme, &url, NULL), 0);
        CHECK_STR(url, cases[i].url);
        wrenn_string_free(url);
    }
    wrenn_string_free(NULL);
}

TEST(the_environment_may_name_the_domain) {
    wrenn_client_options options = sdk_options("https://app.wrenn.dev/api");
    setenv("WRENN_PROXY_DOMAIN", "boxes.example", 1);
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    char *url = NULL;
    CHECK_INT(wrenn_sandbox_url(sandbox, 8888, NULL, &url, NULL), 0);
    CHECK_STR(url, "https://8888-" ID ".boxes.example");
    wrenn_string_free(url);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
}

TEST(what_cannot_be_a_url_is_named) {
    static const struct {
        const char *base, *domain, *id;
        int64_t port;
        const char *scheme, *part;
    } cases[] = {
        {"unix:/x", NULL, "cl-1", 0, NULL, "not 0"},
        {"unix:/x", NULL, "cl-1", -80, NULL, "not -80"},
        {"unix:/x", NULL, "cl-1", 65536, NULL, "not 65536"},
        {"unix:/x", NULL, "cl-1", 80, "ftp", "\"ftp\""},
        {"unix:/x", NULL, "cl-1", 80, "", "\"\""},
        {"unix:/x", NULL, "cl-1", 80, "HTTP", "\"HTTP\""},
        {"unix:/x", NULL, "cl/1", 80, NULL, "cl/1"},
        {"unix:/x", NULL, "cl-1.evil.example", 80, NULL, "cl-1.evil.example"},
        {"http://[::1]:8080", NULL, "cl-1", 80, NULL, "\"[::1]:8080\""},
        {"unix:/x", "https://boxes.example", "cl-1", 80, NULL, "WRENN_PROXY_DOMAIN"},
        {"unix:/x", ":8080", "cl-1", 80, NULL, "WRENN_PROXY_DOMAIN"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *url = NULL;
        wrenn_error *error = NULL;
        CHECK_INT(url_for(cases[i].base, cases[i].domain, cases[i].id, cases[i].port, cases[i].scheme, &url, &error),
                  WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), cases[i].part);
        CHECK(url == NULL);
        wrenn_error_free(error);
    }
    char *url = NULL;
    CHECK_INT(wrenn_sandbox_url(NULL, 80, NULL, &url, NULL), WRENN_E_INVALID_ARGUMENT);
}

TEST_MAIN
