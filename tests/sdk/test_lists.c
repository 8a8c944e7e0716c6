/* Lists by labels, status and template, page by page, from servers that filter and from others; labels that change. */
#include <stdio.h>

#include "sdk.h"

#define FILTERS "Wrenn-Features: list-filters\r\n"
#define BOX(id, status, template, labels) \
    "{\"id\":\"" id "\",\"status\":\"" status "\",\"template\":\"" template "\",\"metadata\":" labels "}"
#define ALL                                                                                                       \
    "[" BOX("cl-5", "running", "minimal", "{\"k\":\"v\"}") "," BOX(                                               \
        "cl-4", "paused", "minimal",                                                                              \
        "{\"k\":\"v\"}") "," BOX("cl-3", "running", "base",                                                       \
                                 "{\"k\":\"v\",\"l\":\"\"}") "," BOX("cl-2", "running", "minimal",                \
                                                                     "{\"k\":\"vv\"}") "," BOX("cl-1", "running", \
                                                                                               "minimal", "null") "]"

static wrenn_sandboxes_query_options asked(const char *const *labels, const char *status, int64_t limit,
                                           const char *after) {
    wrenn_sandboxes_query_options options = WRENN_SANDBOXES_QUERY_OPTIONS_INIT;
    options.labels = labels;
    options.status = status;
    options.limit = limit;
    options.after = after;
    return options;
}

/* The ids of a page, and what comes next. */
static void check_page(setup *s, const wrenn_sandboxes_query_options *options, const char *ids, const char *next) {
    wrenn_sandbox_list *list = NULL;
    wrenn_error *error = NULL;
    char got[100] = "";
    size_t size = 0;
    int rc = wrenn_sandboxes_query(s->client, options, &list, &error);
    CHECK_MSG(rc == 0, "%s", wrenn_error_message(error));
    for (size_t i = 0; i < list->items_count; i++)
        size += (size_t)snprintf(got + size, sizeof(got) - size, "%s%s", i ? " " : "", list->items[i]->id);
    CHECK_STR(got, ids);
    CHECK_STR(list->next, next);
    wrenn_sandbox_list_free(list);
}

TEST(what_is_asked_for_is_in_the_query) {
    static const char *const labels[] = {"app=web", "who=J\xc3\xb6rg & =1", NULL};
    char *text = script_text("200 OK", FILTERS, ALL);
    setup s = set_up((const script_reply[]){{.text = text}, {.text = text}, {.text = text}}, 3);
    wrenn_sandboxes_query_options all = asked(labels, "running", 5, "cl-9");
    all.template_name = "my base";
    all.id_prefix = "5&";
    /* A server that filters is believed. */
    check_page(&s, &all, "cl-5 cl-4 cl-3 cl-2 cl-1", "cl-1");
    check_request(
        &s, 0,
        "GET /v1/sandboxes?status=running&template=my%20base&id_prefix=5%26&limit=5&after=cl-9&label=app%3Dweb&label=who%3DJ%C3%B6rg"
        "%20%26%20%3D1 ",
        "");
    all = asked(labels, NULL, 0, NULL);
    check_page(&s, &all, "cl-5 cl-4 cl-3 cl-2 cl-1", NULL);
    check_request(&s, 1, "GET /v1/sandboxes?label=app%3Dweb&label=who%3D", "");
    check_page(&s, NULL, "cl-5 cl-4 cl-3 cl-2 cl-1", NULL);
    check_request(&s, 2, "GET /v1/sandboxes ", "");
    tear_down(&s);
    free(text);
}

TEST(where_the_server_does_not_filter_the_library_does) {
    static const char *const k[] = {"k=v", NULL}, *const both[] = {"k=v", "l=", NULL}, *const none[] = {"k=", NULL};
    char *text = script_text("200 OK", "", ALL);
    script_reply replies[12];
    for (size_t i = 0; i < COUNT(replies); i++) replies[i] = (script_reply){.text = text};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandboxes_query_options q = asked(k, NULL, 0, NULL);
    check_page(&s, &q, "cl-5 cl-4 cl-3", NULL);
    q = asked(both, NULL, 0, NULL);
    check_page(&s, &q, "cl-3", NULL);
    q = asked(none, NULL, 0, NULL);
    check_page(&s, &q, "", NULL);
    q = asked(k, "running", 0, NULL);
    check_page(&s, &q, "cl-5 cl-3", NULL);
    q = asked(NULL, NULL, 0, NULL);
    q.template_name = "base";
    check_page(&s, &q, "cl-3", NULL);
    q = asked(k, NULL, 2, NULL);
    check_page(&s, &q, "cl-5 cl-4", "cl-4");
    q.after = "cl-4";
    check_page(&s, &q, "cl-3", NULL);
    q = asked(NULL, NULL, 2, "cl-2");
    check_page(&s, &q, "cl-1", NULL);
    q = asked(NULL, NULL, 0, NULL);
    for (const char *const *prefix = (const char *const[]){"3", "cl-3", "cl-3x", NULL}; *prefix; prefix++) {
        q.id_prefix = *prefix;
        check_page(&s, &q, strlen(*prefix) > 4 ? "" : "cl-3", NULL);
    }
    q = asked(NULL, NULL, 2, "cl-7");
    wrenn_sandbox_list *list = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandboxes_query(s.client, &q, &list, &error), WRENN_E_VALIDATION);
    CHECK_CONTAINS(wrenn_error_message(error), "cl-7");
    wrenn_error_free(error);
    tear_down(&s);
    free(text);
}

TEST(queries_that_make_no_sense_are_refused_here) {
    static const char *const bad[] = {"a=1", "b", NULL};
    const wrenn_sandboxes_query_options queries[] = {asked(bad, NULL, 0, NULL), asked(NULL, NULL, -1, NULL),
                                                     asked(NULL, NULL, (int64_t)INT32_MAX + 1, NULL)};
    setup s = set_up(NULL, 0);
    for (size_t i = 0; i < COUNT(queries); i++) {
        wrenn_sandbox_list *list = NULL;
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_sandboxes_query(s.client, &queries[i], &list, &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), i ? "limit" : "labels[1]");
        wrenn_error_free(error);
    }
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST(changed_labels_are_seen_in_the_handle) {
    static const char *const set[] = {"a=1", "b=x=y", NULL}, *const remove[] = {"c", NULL}, *const bad[] = {"c", NULL};
    setup s = SET_UP({"200 OK", BOX("cl-0123456789abcdefghijklmno", "paused", "minimal", "{\"a\":\"1\"}")},
                     {"409 Conflict", ERROR_BODY("conflict")}, {"200 OK", STATUS("running")});
    CHECK_INT(wrenn_sandbox_update_metadata(s.sandbox, set, remove, NULL, NULL), 0);
    check_request(&s, 0, "PATCH /v1/sandboxes/cl-0123456789abcdefghijklmno/metadata ",
                  "{\"set\":{\"a\":\"1\",\"b\":\"x=y\"},\"remove\":[\"c\"]}");
    const wrenn_sandbox_info *info = wrenn_sandbox_last_info(s.sandbox);
    CHECK_INT(info->metadata_count, 1);
    CHECK_STR(info->metadata[0]->value, "1");
    CHECK_INT(wrenn_sandbox_update_metadata(s.sandbox, set, NULL, NULL, NULL), WRENN_E_CONFLICT);
    check_request(&s, 1, "PATCH /v1/sandboxes/", "{\"set\":{\"a\":\"1\",\"b\":\"x=y\"}}");
    CHECK_INT(wrenn_sandbox_update_metadata(s.sandbox, NULL, remove, NULL, NULL), 0);
    check_request(&s, 2, "PATCH /v1/sandboxes/", "{\"remove\":[\"c\"]}");
    CHECK_INT(wrenn_sandbox_update_metadata(s.sandbox, bad, NULL, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(script_count(s.server), 3);
    tear_down(&s);
}

TEST_MAIN
