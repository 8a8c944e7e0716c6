/* Sandboxes that the server destroys in time: demanded at create, from servers that obey that, and renewed. */
#include "sdk.h"

#define OBEYS "Wrenn-Features: idempotency-key lifetime\r\n"
#define ENDS \
    "{\"id\":\"cl-0123456789abcdefghijklmno\",\"status\":\"paused\",\"lifetime_sec\":90,\"expires_at\":\"2026-05-01T12:00:00Z\"}"

static int create(setup *s, int64_t lifetime_sec, wrenn_error **error) {
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox *made = NULL;
    options.lifetime_sec = lifetime_sec;
    int rc = wrenn_sandboxes_create(s->client, &options, &made, error);
    CHECK_INT(made != NULL, rc == 0);
    wrenn_sandbox_free(made);
    return rc;
}

TEST(a_lifetime_is_demanded_once_the_server_has_said_that_it_obeys) {
    script_reply replies[2];
    char *texts[] = {script_text("401 Unauthorized", OBEYS, ERROR_BODY("unauthorized")),
                     script_text("201 Created", OBEYS, ENDS)};
    for (size_t i = 0; i < COUNT(replies); i++) replies[i] = (script_reply){.text = texts[i]};
    setup s = set_up(replies, COUNT(replies));
    CHECK_INT(create(&s, 90, NULL), 0);
    check_request(&s, 1, "POST /v1/sandboxes ", "{\"lifetime_sec\":90}");
    CHECK_INT(script_count(s.server), 2);
    tear_down(&s);
    for (size_t i = 0; i < COUNT(texts); i++) free(texts[i]);
}

TEST(a_server_that_says_nothing_of_it_makes_no_sandbox_that_stays) {
    char *text = script_text("404 Not Found", "Wrenn-Features: idempotency-key isolation\r\n", ERROR_BODY("not_found"));
    const script_reply reply = {.text = text};
    wrenn_error *error = NULL;
    setup s = set_up(&reply, 1);
    CHECK_INT(create(&s, 1, &error), WRENN_E_UNSUPPORTED);
    CHECK_CONTAINS(wrenn_error_message(error), "`lifetime_sec`");
    CHECK_INT(script_count(s.server), 1);
    wrenn_error_free(error);
    tear_down(&s);
    free(text);
}

TEST(a_renewal_is_seen_in_the_handle) {
    setup s = SET_UP({"200 OK", ENDS}, {"409 Conflict", ERROR_BODY("invalid_state")});
    CHECK_INT(wrenn_sandbox_set_lifetime(s.sandbox, 90, NULL, NULL), 0);
    check_request(&s, 0, "POST /v1/sandboxes/cl-0123456789abcdefghijklmno/lifetime ", "{\"lifetime_sec\":90}");
    const wrenn_sandbox_info *info = wrenn_sandbox_last_info(s.sandbox);
    CHECK_INT(info->lifetime_sec, 90);
    CHECK_STR(info->expires_at, "2026-05-01T12:00:00Z");
    CHECK_INT(wrenn_sandbox_set_lifetime(s.sandbox, 0, NULL, NULL), WRENN_E_CONFLICT);
    check_request(&s, 1, "POST /v1/sandboxes/cl-0123456789abcdefghijklmno/lifetime ", "{\"lifetime_sec\":0}");
    tear_down(&s);
}

TEST(lifetimes_out_of_range_are_refused_here) {
    static const int64_t bad[] = {-1, (int64_t)INT32_MAX + 1, INT64_MAX, INT64_MIN};
    setup s = set_up(NULL, 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        wrenn_error *error = NULL;
        CHECK_INT(create(&s, bad[i], &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), "lifetime_sec");
        wrenn_error_free(error);
        CHECK_INT(wrenn_sandbox_set_lifetime(s.sandbox, bad[i], NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    }
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST_MAIN
