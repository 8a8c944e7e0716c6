/* Snapshots and hosts: what each call sends, and what it makes of the answers of servers of every age. */
#include "sdk.h"

/* ---- snapshots ---- */

TEST(a_snapshot_is_asked_for_with_what_was_given_and_no_more) {
    setup s = SET_UP({"202 Accepted", "{\"name\":\"template-0\",\"type\":\"golden\",\"later\":1}"});
    wrenn_snapshots_create_options options = WRENN_SNAPSHOTS_CREATE_OPTIONS_INIT;
    options.sandbox_id = "cl-1";
    wrenn_snapshot *snapshot = NULL;
    CHECK_INT(wrenn_snapshots_create(s.client, &options, &snapshot, NULL), 0);
    check_request(&s, 0, "POST /v1/snapshots HTTP", "{\"sandbox_id\":\"cl-1\"}");
    CHECK_STR(snapshot->type, "golden");
    CHECK_STR(snapshot->unknown, "{\"later\":1}");
    CHECK(!(snapshot->present & WRENN_HAS_SNAPSHOT_VCPUS));
    wrenn_snapshot_free(snapshot);
    tear_down(&s);
}

TEST(a_bad_snapshot_call_is_named_and_nothing_is_sent) {
    setup s = SET_UP({"200 OK", "{}"});
    static const wrenn_snapshots_create_options cases[] = {
        {.struct_size = sizeof(wrenn_snapshots_create_options)},
        {.struct_size = sizeof(wrenn_snapshots_create_options), .sandbox_id = ""},
        {.struct_size = sizeof(wrenn_snapshots_create_options), .sandbox_id = "cl-1", .flags = 2},
        {.struct_size = sizeof(wrenn_snapshots_create_options), .sandbox_id = "cl-1", .call.timeout_ms = -1},
    };
    static const char *const parts[] = {"sandbox_id", "sandbox_id", "WRENN_SNAPSHOTS_CREATE_", "timeout_ms"};
    wrenn_snapshot *snapshot = NULL;
    for (size_t i = 0; i < COUNT(cases); i++) {
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_snapshots_create(s.client, &cases[i], &snapshot, &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), parts[i]);
        wrenn_error_free(error);
    }
    CHECK_INT(wrenn_snapshots_create(s.client, NULL, &snapshot, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(script_connections(s.server), 0);
    tear_down(&s);
}

TEST(a_name_that_is_taken_is_a_conflict_in_every_dialect) {
    setup s =
        SET_UP({"409 Conflict", ERROR_BODY("already_exists")}, {"409 Conflict", ERROR_BODY("template_name_taken")},
               {"409 Conflict", ERROR_BODY("name_reserved")});
    wrenn_snapshots_create_options options = WRENN_SNAPSHOTS_CREATE_OPTIONS_INIT;
    options.sandbox_id = "cl-1";
    options.name = "mine";
    wrenn_snapshot *snapshot = NULL;
    for (int i = 0; i < 3; i++)
        CHECK_INT(wrenn_snapshots_create(s.client, &options, &snapshot, NULL), WRENN_E_CONFLICT);
    CHECK_INT(script_count(s.server), 3);
    tear_down(&s);
}

#define PAGE(items, page, pages) \
    "{\"templates\":[" items "],\"total\":5,\"page\":" page ",\"per_page\":2,\"total_pages\":" pages "}"
#define NAMED(name) "{\"name\":\"" name "\",\"type\":\"base\"}"

TEST(a_list_in_pages_is_read_to_its_end) {
    setup s = SET_UP({"200 OK", PAGE(NAMED("a") "," NAMED("b"), "1", "3")},
                     {"200 OK", PAGE(NAMED("c") "," NAMED("d"), "2", "3")}, {"200 OK", PAGE(NAMED("e"), "3", "3")});
    wrenn_snapshots_list_options filter = WRENN_SNAPSHOTS_LIST_OPTIONS_INIT;
    filter.type = "base";
    wrenn_snapshot_list *list = NULL;
    CHECK_INT(wrenn_snapshots_list(s.client, &filter, &list, NULL), 0);
    CHECK_INT(list->items_count, 5);
    for (size_t i = 0; i < 5; i++) CHECK_STR(list->items[i]->name, ((const char *[]){"a", "b", "c", "d", "e"})[i]);
    check_request(&s, 0, "GET /v1/snapshots?type=base HTTP", "");
    check_request(&s, 1, "GET /v1/snapshots?type=base&page=2 ", "");
    check_request(&s, 2, "GET /v1/snapshots?type=base&page=3 ", "");
    CHECK_INT(script_count(s.server), 3);
    wrenn_snapshot_list_free(list);
    tear_down(&s);
}

TEST(a_list_in_pages_ends_with_an_empty_or_only_page) {
    setup s = SET_UP({"200 OK", PAGE(NAMED("a"), "1", "2")}, {"200 OK", PAGE("", "2", "2")},
                     {"200 OK", PAGE(NAMED("a"), "1", "1")}, {"200 OK", PAGE("", "1", "0")}, {"200 OK", "[]"});
    static const size_t counts[] = {1, 1, 0, 0}, requests[] = {2, 3, 4, 5};
    for (size_t i = 0; i < COUNT(counts); i++) {
        wrenn_snapshot_list *list = NULL;
        CHECK_INT(wrenn_snapshots_list(s.client, NULL, &list, NULL), 0);
        CHECK_INT(list->items_count, counts[i]);
        CHECK_INT(script_count(s.server), requests[i]);
        wrenn_snapshot_list_free(list);
    }
    check_request(&s, 1, "GET /v1/snapshots?page=2 ", "");
    tear_down(&s);
}

TEST(a_list_that_is_not_whole_is_never_given) {
    setup s = SET_UP({"200 OK", PAGE(NAMED("a"), "1", "2")}, {"200 OK", PAGE(NAMED("a"), "1", "2")},
                     {"200 OK", PAGE(NAMED("a"), "1", "2")}, {"500 Oops", ERROR_BODY("internal_error")},
                     {"200 OK", "{\"total\":0}"}, {"200 OK", "null"}, {"200 OK", "[7]"}, {"200 OK", "x"});
    static const int codes[] = {WRENN_E_PROTOCOL, WRENN_E_INTERNAL, WRENN_E_PROTOCOL,
                                WRENN_E_PROTOCOL, WRENN_E_PROTOCOL, WRENN_E_PROTOCOL};
    for (size_t i = 0; i < COUNT(codes); i++) {
        wrenn_snapshot_list *list = NULL;
        CHECK_INT(wrenn_snapshots_list(s.client, NULL, &list, NULL), codes[i]);
        CHECK(list == NULL);
    }
    CHECK_INT(script_count(s.server), 8);
    tear_down(&s);
}

/* ---- hosts ---- */

TEST(the_default_host_is_a_regular_one) {
    setup s = SET_UP({"201 Created", "{\"host\":{\"id\":\"host-1\"},\"registration_token\":\"t\"}"});
    wrenn_host_with_token *host = NULL;
    CHECK_INT(wrenn_hosts_create(s.client, NULL, &host, NULL), 0);
    check_request(&s, 0, "POST /v1/hosts ", "{\"type\":\"regular\"}");
    wrenn_host_with_token_free(host);
    tear_down(&s);
}

TEST(what_a_host_has_not_told_stays_empty_and_new_words_stay_text) {
    setup s = SET_UP({"200 OK", "{\"id\":\"host-1\",\"type\":\"leased\",\"status\":\"resting\",\"arch\":null}"},
                     {"200 OK", "{\"id\":\"host-1\",\"status\":\"draining\",\"cpu_cores\":8}"},
                     {"200 OK", "{\"host\":{\"id\":\"host-1\"},\"sandbox_ids\":null}"});
    wrenn_host *host = NULL;
    CHECK_INT(wrenn_hosts_get(s.client, "host-1", NULL, &host, NULL), 0);
    CHECK_INT(host->status, WRENN_HOST_STATUS_OTHER);
    CHECK_STR(host->status_text, "resting");
    CHECK_STR(host->type, "leased");
    CHECK(host->nulls == WRENN_HAS_HOST_ARCH && !host->arch && !host->address);
    wrenn_host_free(host);
    CHECK_INT(wrenn_hosts_get(s.client, "host-1", NULL, &host, NULL), 0);
    CHECK_INT(host->status, WRENN_HOST_STATUS_DRAINING);
    CHECK_INT(host->cpu_cores, 8);
    wrenn_host_free(host);
    wrenn_host_delete_preview *preview = NULL;
    CHECK_INT(wrenn_hosts_delete_preview(s.client, "host-1", NULL, &preview, NULL), 0);
    CHECK_INT(preview->sandbox_ids_count, 0);
    wrenn_host_delete_preview_free(preview);
    tear_down(&s);
}

TEST(a_host_with_sandboxes_is_deleted_with_force_only) {
    setup s = SET_UP({"409 Conflict", "{\"error\":{\"code\":\"has_active_sandboxes\",\"message\":\"m\","
                                      "\"sandbox_ids\":[\"cl-1\",\"cl-2\"]},\"sandbox_ids\":[\"cl-1\",\"cl-2\"]}"},
                     {"409 Conflict", "{\"error\":{\"code\":\"has_active_sandboxes\",\"retryable\":false,\"details\":"
                                      "{\"sandbox_ids\":[\"cl-3\"]}}}"},
                     {"409 Conflict", "{\"error\":{\"code\":\"host_has_capsules\"},\"capsule_ids\":[\"cl-4\"]}"},
                     {"409 Conflict", "{\"error\":{\"code\":\"host_has_sandboxes\",\"sandbox_ids\":[]}}"},
                     {"204 No Content", ""});
    static const char *const firsts[] = {"cl-1", "cl-3", "cl-4", NULL};
    static const size_t counts[] = {2, 1, 1, 0};
    for (size_t i = 0; i < COUNT(firsts); i++) {
        wrenn_error *error = NULL;
        const char *const *ids = NULL;
        CHECK_INT(wrenn_hosts_delete(s.client, "host-1", NULL, &error), WRENN_E_HOST_HAS_SANDBOXES);
        CHECK(wrenn_error_is(error, WRENN_E_CONFLICT));
        CHECK_INT(wrenn_error_sandbox_ids(error, &ids), counts[i]);
        if (counts[i]) CHECK_STR(ids[0], firsts[i]);
        wrenn_error_free(error);
    }
    check_request(&s, 0, "DELETE /v1/hosts/host-1 HTTP", "");
    wrenn_hosts_delete_options options = WRENN_HOSTS_DELETE_OPTIONS_INIT;
    options.flags = WRENN_HOSTS_DELETE_FORCE;
    CHECK_INT(wrenn_hosts_delete(s.client, "host-1", &options, NULL), 0);
    check_request(&s, 4, "DELETE /v1/hosts/host-1?force=true ", "");
    options.flags = 2;
    CHECK_INT(wrenn_hosts_delete(s.client, "host-1", &options, NULL), WRENN_E_INVALID_ARGUMENT);
    tear_down(&s);
}

TEST(no_tags_may_be_null) {
    setup s = SET_UP({"200 OK", "null"}, {"200 OK", "[]"}, {"200 OK", "[\"\\u0041\"]"}, {"200 OK", "{}"},
                     {"200 OK", "[\"a\",null]"}, {"200 OK", "[1]"});
    static const int codes[] = {0, 0, 0, WRENN_E_PROTOCOL, WRENN_E_PROTOCOL, WRENN_E_PROTOCOL};
    for (size_t i = 0; i < COUNT(codes); i++) {
        wrenn_tag_list *list = NULL;
        CHECK_INT(wrenn_hosts_list_tags(s.client, "host-1", NULL, &list, NULL), codes[i]);
        CHECK((list != NULL) == (codes[i] == 0));
        if (list) CHECK_INT(list->items_count, i == 2 ? 1 : 0);
        if (list && list->items_count) CHECK_STR(list->items[0], "A");
        wrenn_tag_list_free(list);
    }
    tear_down(&s);
}

/* ---- what goes into a path ---- */

/* "DELETE /v1/hosts/host-1/tags/.." is DELETE /v1/hosts/host-1/ once somebody on the way has tidied it up. */
TEST(no_id_name_or_tag_can_point_elsewhere) {
    setup s = SET_UP({"204 No Content", ""});
    static const char *const bad[] = {NULL, "", ".", ".."};
    for (size_t i = 0; i < COUNT(bad); i++) {
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_hosts_remove_tag(s.client, "host-1", bad[i], NULL, &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), "tag");
        wrenn_error_free(error);
        CHECK_INT(wrenn_hosts_add_tag(s.client, "host-1", bad[i], NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_hosts_delete(s.client, bad[i], NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_hosts_remove_tag(s.client, bad[i], "a", NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_snapshots_delete(s.client, bad[i], NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_api_keys_delete(s.client, bad[i], NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_sandboxes_destroy(s.client, bad[i], NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        wrenn_sandbox *sandbox = NULL;
        CHECK_INT(wrenn_sandbox_from_id(s.client, bad[i], &sandbox, NULL), WRENN_E_INVALID_ARGUMENT);
    }
    CHECK_INT(script_connections(s.server), 0);
    /* Servers that don't say what they are take %2F for a part of the name. */
    CHECK_INT(wrenn_hosts_remove_tag(s.client, "../host?", "a b#%\xc3\xa9...", NULL, NULL), WRENN_E_UNSUPPORTED);
    check_request(&s, 0, "DELETE /v1/hosts/..%2Fhost%3F/tags/a%20b%23%25%C3%A9... ", "");
    tear_down(&s);
}

TEST_MAIN
