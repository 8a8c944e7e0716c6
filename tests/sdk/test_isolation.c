/* What keeps a sandbox in: demanded at create, from servers that obey that, and told with every sandbox. */
#include "sdk.h"

#define OBEYS "Wrenn-Features: idempotency-key isolation\r\n"
#define ISOLATION                                                                                                  \
    "{\"level\":\"namespace\",\"backend\":\"ns\",\"root\":true,\"user_namespace\":\"distinct\","                   \
    "\"limits\":{\"memory\":\"enforced\",\"cpu\":\"unenforced\",\"why\":\"no cgroup\"},\"reasons\":[\"a\",\"b\"]," \
    "\"later\":1}"

static char *texts[4];
static size_t text_count;

static script_reply answer(const char *status, const char *head, const char *body) {
    CHECK(text_count < COUNT(texts));
    return (script_reply){.text = texts[text_count++] = script_text(status, head, body)};
}

static void tear_down_isolation(setup *s) {
    tear_down(s);
    while (text_count) free(texts[--text_count]);
}

static int create(setup *s, int64_t isolation, wrenn_error **error) {
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox *made = NULL;
    options.isolation = isolation;
    int rc = wrenn_sandboxes_create(s->client, &options, &made, error);
    CHECK_INT(made != NULL, rc == 0);
    wrenn_sandbox_free(made);
    return rc;
}

TEST(a_level_is_demanded_once_the_server_has_said_that_it_obeys) {
    const script_reply replies[] = {answer("401 Unauthorized", OBEYS, ERROR_BODY("unauthorized")),
                                    answer("201 Created", OBEYS, STATUS("running")),
                                    answer("409 Conflict", OBEYS, ERROR_BODY("conflict"))};
    setup s = set_up(replies, COUNT(replies));
    CHECK_INT(create(&s, WRENN_ISOLATION_NAMESPACE, NULL), 0);
    CHECK_CONTAINS(script_request(s.server, 0), "GET ");
    CHECK(!strstr(script_request(s.server, 0), "X-API-Key"));
    check_request(&s, 1, "POST /v1/sandboxes ", "{\"isolation\":\"namespace\"}");
    CHECK_CONTAINS(script_request(s.server, 1), "\r\nIdempotency-Key: ");
    /* What is known is not asked again. */
    CHECK_INT(create(&s, WRENN_ISOLATION_VM, NULL), WRENN_E_CONFLICT);
    check_request(&s, 2, "POST /v1/sandboxes ", "{\"isolation\":\"vm\"}");
    CHECK_INT(script_count(s.server), 3);
    tear_down_isolation(&s);
}

static int create_with_disk(setup *s, int64_t disk_mb, wrenn_error **error) {
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox *made = NULL;
    options.disk_mb = disk_mb;
    int rc = wrenn_sandboxes_create(s->client, &options, &made, error);
    CHECK_INT(rc == 0 ? wrenn_sandbox_last_info(made)->disk_mb : 0, rc == 0 ? disk_mb : 0);
    wrenn_sandbox_free(made);
    return rc;
}

TEST(a_disk_of_a_size_is_demanded_where_that_is_obeyed) {
    const script_reply replies[] =
        {answer("401 Unauthorized", "Wrenn-Features: idempotency-key disk\r\n", ERROR_BODY("unauthorized")),
         answer("201 Created", "", "{\"id\":\"cl-0123456789abcdefghijklmno\",\"status\":\"running\",\"disk_mb\":100}")},
                       old = answer("404 Not Found", OBEYS, ERROR_BODY("not_found"));
    wrenn_error *error = NULL;
    setup s = set_up(replies, COUNT(replies));
    CHECK_INT(create_with_disk(&s, -1, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(create_with_disk(&s, 100, NULL), 0);
    check_request(&s, 1, "POST /v1/sandboxes ", "{\"disk_mb\":100}");
    tear_down(&s);
    s = set_up(&old, 1);
    CHECK_INT(create_with_disk(&s, 100, &error), WRENN_E_UNSUPPORTED);
    CHECK_CONTAINS(wrenn_error_message(error), "`disk_mb`");
    wrenn_error_free(error);
    tear_down_isolation(&s);
}

TEST(a_server_that_says_nothing_of_it_is_not_asked_to_create) {
    static const char *const heads[] = {"", "Wrenn-Features: idempotency-key isolationism\r\n"};
    for (size_t i = 0; i < COUNT(heads); i++) {
        const script_reply replies[] = {answer("404 Not Found", heads[i], ERROR_BODY("not_found")),
                                        answer("201 Created", heads[i], STATUS("running"))};
        setup s = set_up(replies, COUNT(replies));
        wrenn_error *error = NULL;
        for (int again = 0; again < 2; again++) {
            CHECK_INT(create(&s, WRENN_ISOLATION_NAMESPACE, &error), WRENN_E_UNSUPPORTED);
            CHECK_CONTAINS(wrenn_error_message(error), "`isolation`");
            wrenn_error_free(error);
            error = NULL;
        }
        CHECK_INT(script_count(s.server), 1);
        CHECK_INT(create(&s, WRENN_ISOLATION_ANY, NULL), 0);
        check_request(&s, 1, "POST /v1/sandboxes ", "{}");
        tear_down_isolation(&s);
    }
}

TEST(without_an_answer_nothing_is_created) {
    static const script_reply lost = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE};
    setup s = set_up_with(&lost, 1, NULL);
    CHECK(create(&s, WRENN_ISOLATION_VM, NULL) < 0);
    for (size_t i = 0; i < script_count(s.server); i++) CHECK(!strstr(script_request(s.server, i), "POST "));
    tear_down_isolation(&s);
}

TEST(a_create_given_up_before_it_is_sent_leaves_nothing_to_clean_up) {
    script_reply replies[] = {answer("401 Unauthorized", OBEYS, ERROR_BODY("unauthorized"))};
    replies[0].gated = true;
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_op *op = NULL;
    options.isolation = WRENN_ISOLATION_NAMESPACE;
    CHECK_INT(wrenn_sandboxes_create_start(s.client, &options, NULL, NULL, &op, NULL), 0);
    while (!script_count(s.server)) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    script_open_gate(s.server);
    wrenn_client_free(s.client);
    s.client = NULL;
    CHECK_INT(script_count(s.server), 1);
    tear_down_isolation(&s);
}

TEST(an_unknown_level_is_refused_here) {
    static const int64_t levels[] = {-1, 3, INT64_MAX, INT64_MIN};
    setup s = set_up(NULL, 0);
    for (size_t i = 0; i < COUNT(levels); i++) {
        wrenn_error *error = NULL;
        CHECK_INT(create(&s, levels[i], &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), "WRENN_ISOLATION_*");
        wrenn_error_free(error);
    }
    CHECK_INT(script_count(s.server), 0);
    tear_down_isolation(&s);
}

TEST(what_a_sandbox_has_is_in_its_info) {
    const script_reply replies[] = {
        answer("200 OK", "",
               "{\"id\":\"cl-0123456789abcdefghijklmno\",\"status\":\"running\",\"isolation\":" ISOLATION "}"),
        answer("200 OK", "", STATUS("running")),
        answer("200 OK", "", "{\"id\":\"cl-0123456789abcdefghijklmno\",\"status\":\"running\",\"isolation\":null}")};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox *found = NULL;
    CHECK_INT(wrenn_sandboxes_get(s.client, "cl-0123456789abcdefghijklmno", NULL, &found, NULL), 0);
    const wrenn_isolation *isolation = wrenn_sandbox_last_info(found)->isolation;
    CHECK_STR(isolation->level, "namespace");
    CHECK_STR(isolation->backend, "ns");
    CHECK_INT(isolation->root, 1);
    CHECK_STR(isolation->limits->cpu, "unenforced");
    CHECK_STR(isolation->limits->why, "no cgroup");
    CHECK(!isolation->limits->pids && !isolation->seccomp);
    CHECK_INT(isolation->reasons_count, 2);
    CHECK_STR(isolation->reasons[1], "b");
    CHECK_STR(isolation->unknown, "{\"later\":1}");
    wrenn_sandbox_free(found);
    for (int i = 0; i < 2; i++) {
        found = NULL;
        CHECK_INT(wrenn_sandboxes_get(s.client, "cl-0123456789abcdefghijklmno", NULL, &found, NULL), 0);
        CHECK(!wrenn_sandbox_last_info(found)->isolation);
        wrenn_sandbox_free(found);
    }
    tear_down_isolation(&s);
}

TEST_MAIN
