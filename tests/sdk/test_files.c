/* Files: listings, directories that are there already, and finding one path on servers that put it differently. */
#include <stdio.h>
#include <unistd.h>

#include "sdk.h"

#define FILES "POST /v1/sandboxes/cl-0123456789abcdefghijklmno/files/"
#define ENTRY(name, type) "{\"name\":\"" name "\",\"path\":\"/from/server/" name "\",\"type\":\"" type "\",\"size\":3}"
#define LIST(...) "{\"entries\":[" __VA_ARGS__ "]}"
#define ASKED(path) "{\"path\":\"" path "\",\"depth\":1}"
#define EMPTY \
    { "200 OK", LIST("") }
#define MISSING \
    { "404 Not Found", ERROR_BODY("not_found") }
#define BROKEN \
    { "502 Bad Gateway", ERROR_BODY("agent_error") }
#define THERE \
    { "409 Conflict", ERROR_BODY("conflict") }

/* ---- list_dir ---- */

TEST(a_listing_keeps_what_the_server_said) {
    setup s = SET_UP(
        {"200 OK",
         LIST("{\"name\":\"l\",\"path\":\"/d/l\",\"type\":\"unknown\",\"size\":7,\"mode\":511,\"permissions\":"
              "\"Lrwxrwxrwx\",\"owner\":\"root\",\"group\":\"0\",\"modified_at\":1714564800,\"symlink_target\":\"/x\"},"
              "{\"name\":\"s\",\"path\":\"/d/s\",\"type\":\"socket\",\"symlink_target\":null,\"inode\":9}")});
    wrenn_file_list *list = NULL;
    CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, "/d/", 0, NULL, &list, NULL), 0);
    check_request(&s, 0, FILES "list ", "{\"path\":\"/d/\",\"depth\":1,\"limit\":10000}");
    CHECK_INT(list->items_count, 2);
    CHECK_INT(list->items[0]->type, WRENN_FILE_TYPE_UNKNOWN);
    CHECK_INT(list->items[0]->mode, 0777);
    CHECK_INT(list->items[0]->modified_at, 1714564800);
    CHECK_STR(list->items[0]->symlink_target, "/x");
    CHECK_INT(list->items[1]->type, WRENN_FILE_TYPE_OTHER);
    CHECK_STR(list->items[1]->type_text, "socket");
    CHECK_STR(list->items[1]->unknown, "{\"inode\":9}");
    CHECK(!list->items[1]->symlink_target);
    wrenn_file_list_free(list);
    tear_down(&s);
}

#define AT(path) "{\"path\":\"" path "\"}"

TEST(a_listing_comes_sorted_with_each_directory_before_its_content) {
    setup s = SET_UP({"200 OK", LIST(AT("/d/b") "," AT("/d/a/z") "," AT("/d/a-b") "," AT("/d/\\u00e9") "," AT(
                                    "/d/a") "," AT("/d/a/z/y") ",{}," AT("/d/B"))},
                     EMPTY);
    static const char *const sorted[] = {"/d/B", "/d/a", "/d/a/z", "/d/a/z/y", "/d/a-b", "/d/b", "/d/\xc3\xa9"};
    wrenn_file_list *list = NULL;
    CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, "/d", 3, NULL, &list, NULL), 0);
    check_request(&s, 0, FILES "list ", "{\"path\":\"/d\",\"depth\":3,\"limit\":10000}");
    CHECK_INT(list->items_count, 8);
    CHECK(!list->items[0]->path);
    for (size_t i = 0; i < COUNT(sorted); i++) CHECK_STR(list->items[i + 1]->path, sorted[i]);
    wrenn_file_list_free(list);
    CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, "/d", 1, NULL, &list, NULL), 0);
    CHECK_INT(list->items_count, 0);
    wrenn_file_list_free(list);
    tear_down(&s);
}

#define PAGE_OF(entries, cursor) "{\"entries\":[" entries "],\"next_cursor\":" cursor "}"

TEST(a_listing_in_pages_is_one_list) {
    setup s = SET_UP({"200 OK", PAGE_OF(AT("/d/b") "," AT("/d/a"), "\"one\"")},
                     {"200 OK", PAGE_OF(AT("/d/c"), "\"t\\u0077o\"")}, {"200 OK", PAGE_OF(AT("/d/a/x"), "null")},
                     {"200 OK", PAGE_OF("", "\"endless\"")}, {"200 OK", PAGE_OF(AT("/d/b"), "\"one\"")},
                     {"200 OK", "{\"next_cursor\":\"two\"}"}, {"200 OK", PAGE_OF(AT("/d/b"), "\"one\"")},
                     {"404 Not Found", "{\"error\":{\"code\":\"not_found\",\"message\":\"gone\"}}"});
    static const char *const sorted[] = {"/d/a", "/d/a/x", "/d/b", "/d/c"};
    wrenn_file_list *list = NULL;
    CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, "/d", 2, NULL, &list, NULL), 0);
    check_request(&s, 0, FILES "list ", "{\"path\":\"/d\",\"depth\":2,\"limit\":10000}");
    check_request(&s, 1, FILES "list ", "{\"path\":\"/d\",\"depth\":2,\"limit\":10000,\"cursor\":\"one\"}");
    check_request(&s, 2, FILES "list ", "{\"path\":\"/d\",\"depth\":2,\"limit\":10000,\"cursor\":\"two\"}");
    CHECK_INT(list->items_count, 4);
    for (size_t i = 0; i < COUNT(sorted); i++) CHECK_STR(list->items[i]->path, sorted[i]);
    wrenn_file_list_free(list);
    /* A page of nothing is the last one. */
    CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, "/d", 2, NULL, &list, NULL), 0);
    CHECK_INT(list->items_count, 0);
    wrenn_file_list_free(list);
    list = NULL;
    CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, "/d", 2, NULL, &list, NULL), WRENN_E_PROTOCOL);
    CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, "/d", 2, NULL, &list, NULL), WRENN_E_NOT_FOUND);
    CHECK(!list);
    tear_down(&s);
}

TEST(a_listing_that_is_none_is_a_protocol_error) {
    setup s = SET_UP({"200 OK", "{}"}, {"200 OK", "[]"}, {"200 OK", "{\"entries\":null}"}, {"200 OK", ""},
                     {"200 OK", "{\"entries\":[{\"size\":\"big\"}]}"}, {"200 OK", "{\"entry\":null}"},
                     {"200 OK", "{\"entries\":7}"}, {"200 OK", "null"});
    wrenn_file_list *list = NULL;
    wrenn_file_entry *entry = NULL;
    for (int i = 0; i < 5; i++)
        CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, "/d", 0, NULL, &list, NULL), WRENN_E_PROTOCOL);
    CHECK_INT(wrenn_sandbox_mkdir(s.sandbox, "/d", NULL, &entry, NULL), WRENN_E_PROTOCOL);
    for (int i = 0; i < 2; i++) CHECK_INT(wrenn_sandbox_stat(s.sandbox, "/d", NULL, &entry, NULL), WRENN_E_PROTOCOL);
    CHECK(!list && !entry);
    tear_down(&s);
}

TEST(bad_paths_are_named_and_nothing_is_sent) {
    setup s = SET_UP({"200 OK", ""});
    static const char *const bad[] = {NULL, "", "/caf\xe9", "/x\xc3"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        wrenn_file_list *list = NULL;
        wrenn_file_entry *entry = NULL;
        int64_t exists;
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, bad[i], 0, NULL, &list, &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), i < 2 ? "must not be empty" : "UTF-8");
        wrenn_error_free(error);
        CHECK_INT(wrenn_sandbox_mkdir(s.sandbox, bad[i], NULL, &entry, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_sandbox_remove(s.sandbox, bad[i], NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_sandbox_rename(s.sandbox, bad[i], "/a", NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_sandbox_rename(s.sandbox, "/a", bad[i], NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_sandbox_chmod(s.sandbox, bad[i], 0755, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_sandbox_stat(s.sandbox, bad[i], NULL, &entry, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_sandbox_exists(s.sandbox, bad[i], NULL, &exists, NULL), WRENN_E_INVALID_ARGUMENT);
    }
    wrenn_file_list *list = NULL;
    CHECK_INT(wrenn_sandbox_list_dir(s.sandbox, "/", -1, NULL, &list, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_chmod(s.sandbox, "/", -1, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_chmod(s.sandbox, "/", 010000, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_list_dir(NULL, "/", 0, NULL, &list, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(script_connections(s.server), 0);
    tear_down(&s);
}

/* ---- archives ---- */

TEST(an_archive_goes_as_it_is) {
    setup s = SET_UP({"204 No Content", ""}, {"400 Bad Request", ERROR_BODY("invalid_request")});
    wrenn_sandbox_upload_stream_options up = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "bytes", 5) == 5 && close(ends[1]) == 0);
    up.path = "/a b/&";
    up.user = "app";
    up.owner = "0:0";
    up.flags = WRENN_SANDBOX_UPLOAD_STREAM_KEEP;
    up.fd = &ends[0];
    up.size = 5;
    CHECK_INT(wrenn_sandbox_upload_tar(s.sandbox, &up, NULL), 0);
    check_request(&s, 0,
                  "PUT /v1/sandboxes/cl-0123456789abcdefghijklmno/files/tar?path=%2Fa%20b%2F%26&user=app&owner=0%3A0&"
                  "keep=true ",
                  "bytes");
    up.size = 0;
    CHECK_INT(wrenn_sandbox_upload_tar(s.sandbox, &up, NULL), WRENN_E_VALIDATION);
    up.mode = 0755;
    CHECK_INT(wrenn_sandbox_upload_tar(s.sandbox, &up, NULL), WRENN_E_INVALID_ARGUMENT);
    up.mode = 0;
    up.flags = WRENN_SANDBOX_UPLOAD_STREAM_IN_PLACE;
    CHECK_INT(wrenn_sandbox_upload_tar(s.sandbox, &up, NULL), WRENN_E_INVALID_ARGUMENT);
    up.flags = WRENN_SANDBOX_UPLOAD_STREAM_KEEP;
    CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &up, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(script_count(s.server), 2);
    close(ends[0]);
    tear_down(&s);
}

static int count_bytes(const void *data, size_t size, void *context) {
    (void)data;
    *(size_t *)context += size;
    return 0;
}

/* A GET is repeated elsewhere; what the sink has taken would come twice. */
TEST(an_archive_is_not_asked_for_twice) {
    static const script_reply replies[] = {
        {.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n", .end = SCRIPT_CLOSE}};
    setup s = set_up(replies, 1);
    wrenn_sandbox_download_stream_options down = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    size_t got = 0;
    down.path = "/a";
    down.write = count_bytes;
    down.user_data = &got;
    CHECK_INT(wrenn_sandbox_download_tar(s.sandbox, &down, NULL, NULL), WRENN_E_CONNECTION_LOST);
    CHECK_INT(got, 5);
    CHECK_INT(script_count(s.server), 1);
    down.flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY;
    CHECK_INT(wrenn_sandbox_download_tar(s.sandbox, &down, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    tear_down(&s);
}

/* ---- mkdir ---- */

TEST(a_directory_that_is_there_already_is_found) {
    static const struct {
        const char *path, *listed, *name;
    } cases[] = {
        {"/a/b", "/a", "b"}, {"/a/b///", "/a", "b"}, {"/b/", "/", "b"}, {"//a//b", "//a", "b"},
        {"b", ".", "b"},     {"x/b/", "x", "b"},     {"~/b", "~", "b"}, {"/a/ \xc3\xa9", "/a", " \xc3\xa9"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup s = SET_UP({"409 Conflict", ERROR_BODY("already_exists")},
                         {"200 OK", LIST(ENTRY("a", "file") "," ENTRY("bb", "directory") "," ENTRY(
                                        "b", "directory") "," ENTRY(" \\u00e9", "unknown"))});
        char asked[128], listed[128];
        snprintf(asked, sizeof(asked), "{\"path\":\"%s\"}", cases[i].path);
        snprintf(listed, sizeof(listed), "{\"path\":\"%s\",\"depth\":1}", cases[i].listed);
        wrenn_file_entry *entry = NULL;
        CHECK_INT(wrenn_sandbox_mkdir(s.sandbox, cases[i].path, NULL, &entry, NULL), 0);
        CHECK_STR(entry->name, cases[i].name);
        CHECK_INT(entry->size, 3);
        check_request(&s, 0, FILES "mkdir ", asked);
        check_request(&s, 1, FILES "list ", listed);
        wrenn_file_entry_free(entry);
        tear_down(&s);
    }
}

TEST(directories_that_no_listing_shows_are_made_up) {
    static const struct {
        const char *path, *told, *name;
    } cases[] = {{"/", "/", "/"},  {"///", "/", "/"},        {".", ".", "."},
                 {"~/", "~", "~"}, {"/a/..", "/a/..", ".."}, {"/a/.//", "/a/.", "."}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup s = SET_UP(THERE, EMPTY, EMPTY);
        char listed[128];
        snprintf(listed, sizeof(listed), "{\"path\":\"%s\",\"depth\":1}", cases[i].told);
        for (int stat = 0; stat < 2; stat++) {
            wrenn_file_entry *entry = NULL;
            CHECK_INT(stat ? wrenn_sandbox_stat(s.sandbox, cases[i].path, NULL, &entry, NULL)
                           : wrenn_sandbox_mkdir(s.sandbox, cases[i].path, NULL, &entry, NULL),
                      0);
            CHECK_STR(entry->name, cases[i].name);
            CHECK_STR(entry->path, cases[i].told);
            CHECK_INT(entry->type, WRENN_FILE_TYPE_DIRECTORY);
            CHECK_STR(entry->type_text, "directory");
            CHECK(!(entry->present & WRENN_HAS_FILE_ENTRY_MODE));
            wrenn_file_entry_free(entry);
        }
        int64_t exists = 0;
        CHECK_INT(wrenn_sandbox_exists(s.sandbox, cases[i].path, NULL, &exists, NULL), 0);
        CHECK_INT(exists, 1);
        CHECK_INT(script_count(s.server), 3);
        check_request(&s, 1, FILES "list ", listed);
        tear_down(&s);
    }
}

TEST(mkdir_gives_the_servers_refusal_when_there_is_no_such_directory_after_all) {
    setup s = SET_UP(THERE, {"200 OK", LIST(ENTRY("bb", "directory"))}, THERE, {"200 OK", LIST(ENTRY("b", "file"))});
    for (int i = 0; i < 2; i++) {
        wrenn_file_entry *entry = NULL;
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_sandbox_mkdir(s.sandbox, "/a/b", NULL, &entry, &error), WRENN_E_CONFLICT);
        CHECK_STR(wrenn_error_server_code(error), "conflict");
        CHECK_INT(wrenn_error_http_status(error), 409);
        CHECK(entry == NULL);
        wrenn_error_free(error);
    }
    CHECK_INT(script_count(s.server), 4);
    tear_down(&s);
}

TEST(mkdir_looks_only_when_it_is_told_that_something_is_there) {
    setup s = SET_UP({"409 Conflict", ERROR_BODY("invalid_state")}, {"409 Conflict", "conflict"},
                     {"400 Bad Request", ERROR_BODY("invalid_request")}, BROKEN, THERE, MISSING);
    static const int codes[] = {WRENN_E_CONFLICT, WRENN_E_CONFLICT, WRENN_E_VALIDATION, WRENN_E_AGENT,
                                WRENN_E_NOT_FOUND};
    static const size_t requests[] = {1, 2, 3, 4, 6};
    for (size_t i = 0; i < COUNT(codes); i++) {
        wrenn_file_entry *entry = NULL;
        CHECK_INT(wrenn_sandbox_mkdir(s.sandbox, "/a/b", NULL, &entry, NULL), codes[i]);
        CHECK_INT(script_count(s.server), requests[i]);
    }
    tear_down(&s);
}

/* ---- stat and exists ---- */

static int exists_as(wrenn_sandbox *sandbox, const char *path) {
    int64_t answer = -1;
    int rc = wrenn_sandbox_exists(sandbox, path, NULL, &answer, NULL);
    CHECK((rc == 0) == (answer >= 0));
    return rc == 0 ? (int)answer : rc;
}

static int exists(setup *s, const char *path) { return exists_as(s->sandbox, path); }

TEST(a_path_is_found_in_its_directory) {
    setup s = SET_UP({"200 OK", LIST(ENTRY("b", "file"))}, {"200 OK", LIST(ENTRY("b", "file"))},
                     {"200 OK", LIST(ENTRY("bb", "file"))}, EMPTY, {"200 OK", LIST(ENTRY("b", "unknown"))});
    wrenn_file_entry *entry = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_stat(s.sandbox, "/a/b/", NULL, &entry, NULL), 0);
    CHECK_STR(entry->path, "/from/server/b");
    CHECK_INT(entry->type, WRENN_FILE_TYPE_FILE);
    wrenn_file_entry_free(entry);
    entry = NULL;
    CHECK_INT(exists(&s, "/a/b"), 1);
    CHECK_INT(wrenn_sandbox_stat(s.sandbox, "/a/b", NULL, &entry, &error), WRENN_E_NOT_FOUND);
    CHECK_CONTAINS(wrenn_error_message(error), "/a/b does not exist");
    CHECK(entry == NULL);
    wrenn_error_free(error);
    CHECK_INT(exists(&s, "/a/b"), 0);
    CHECK_INT(exists(&s, "/a/b"), 1); /* a link that points nowhere */
    for (size_t i = 0; i < 5; i++) check_request(&s, i, FILES "list ", ASKED("/a"));
    tear_down(&s);
}

TEST(nothing_exists_below_what_is_missing_or_no_directory) {
    setup s = SET_UP(MISSING, EMPTY, BROKEN, MISSING, {"200 OK", LIST(ENTRY("other", "directory"))},
                     {"400 Bad Request", ERROR_BODY("invalid_request")}, {"200 OK", LIST(ENTRY("a", "file"))}, MISSING,
                     EMPTY, MISSING, EMPTY);
    CHECK_INT(exists(&s, "/a/b"), 0);
    check_request(&s, 0, FILES "list ", ASKED("/a"));
    check_request(&s, 1, FILES "list ", ASKED("/"));
    CHECK_INT(exists(&s, "/a/b//c/d"), 0);
    check_request(&s, 2, FILES "list ", ASKED("/a/b//c"));
    check_request(&s, 3, FILES "list ", ASKED("/a/b"));
    check_request(&s, 4, FILES "list ", ASKED("/a"));
    CHECK_INT(exists(&s, "a/b"), 0);
    check_request(&s, 6, FILES "list ", ASKED("."));
    CHECK_INT(exists(&s, "~/a/b"), 0);
    check_request(&s, 8, FILES "list ", ASKED("~"));
    wrenn_file_entry *entry = NULL;
    CHECK_INT(wrenn_sandbox_stat(s.sandbox, "/a/b", NULL, &entry, NULL), WRENN_E_NOT_FOUND);
    CHECK_INT(script_count(s.server), 11);
    tear_down(&s);
}

TEST(a_sandbox_that_is_missing_is_not_a_path_that_is_missing) {
    setup s = SET_UP(MISSING, MISSING, MISSING, BROKEN, BROKEN, {"409 Conflict", ERROR_BODY("invalid_state")});
    CHECK_INT(exists(&s, "/a"), WRENN_E_NOT_FOUND);
    CHECK_INT(exists(&s, "/a/b"), WRENN_E_NOT_FOUND);
    CHECK_INT(exists(&s, "a"), WRENN_E_AGENT);
    CHECK_INT(exists(&s, "/"), WRENN_E_AGENT);
    CHECK_INT(exists(&s, "/a/b/c"), WRENN_E_CONFLICT);
    CHECK_INT(script_count(s.server), 6);
    tear_down(&s);
}

TEST(a_directory_that_cannot_be_listed_is_the_servers_error) {
    setup s =
        SET_UP(BROKEN, {"200 OK", LIST(ENTRY("a", "directory"))}, BROKEN, {"500 Oops", ERROR_BODY("internal_error")});
    wrenn_file_entry *entry = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_stat(s.sandbox, "/a/b", NULL, &entry, &error), WRENN_E_AGENT);
    CHECK_STR(wrenn_error_server_code(error), "agent_error");
    wrenn_error_free(error);
    CHECK_INT(exists(&s, "/a/b"), WRENN_E_INTERNAL);
    tear_down(&s);
}

TEST(removing_says_what_the_server_says) {
    setup s = SET_UP({"204 No Content", ""}, BROKEN);
    CHECK_INT(wrenn_sandbox_remove(s.sandbox, "/a \"b\"/", NULL, NULL), 0);
    check_request(&s, 0, FILES "remove ", "{\"path\":\"/a \\\"b\\\"/\"}");
    CHECK_INT(wrenn_sandbox_remove(s.sandbox, "/gone", NULL, NULL), WRENN_E_AGENT);
    CHECK_INT(script_count(s.server), 2);
    tear_down(&s);
}

/* All that is about files, and commands, is done as the user of the handle, unless options name one. */
TEST(a_handle_for_a_user_asks_as_that_user) {
    static const char entry[] = "{\"entry\":{\"name\":\"a\",\"path\":\"/a\",\"type\":\"directory\"}}";
    setup s = SET_UP({"200 OK", PAGE_OF(AT("/d/b"), "\"one\"")}, EMPTY, {"200 OK", entry}, {"204 No Content", ""},
                     {"200 OK", LIST(ENTRY("a", "file"))}, EMPTY, {"200 OK", "content"}, {"204 No Content", ""},
                     {"200 OK", EXEC_BODY}, {"200 OK", EXEC_BODY}, EMPTY);
    wrenn_sandbox *as = NULL;
    wrenn_file_list *list = NULL;
    wrenn_file_entry *made = NULL;
    wrenn_file *file = NULL;
    wrenn_exec_result *result = NULL;
    wrenn_command run = WRENN_COMMAND_INIT;
    CHECK_INT(wrenn_sandbox_as_user(s.sandbox, "app:web", &as, NULL), 0);
    CHECK_STR(wrenn_sandbox_id(as), wrenn_sandbox_id(s.sandbox));
    CHECK_INT(wrenn_sandbox_list_dir(as, "/d", 0, NULL, &list, NULL), 0);
    CHECK_INT(wrenn_sandbox_mkdir(as, "/a", NULL, &made, NULL), 0);
    CHECK_INT(wrenn_sandbox_remove(as, "/a", NULL, NULL), 0);
    wrenn_file_entry_free(made);
    CHECK_INT(wrenn_sandbox_stat(as, "/a", NULL, &made, NULL), 0);
    CHECK_INT(exists_as(as, "/a"), 0);
    CHECK_INT(wrenn_sandbox_download(as, "/a", NULL, &file, NULL), 0);
    CHECK_INT(wrenn_sandbox_upload(as, "/a", "x", 1, NULL, NULL), 0);
    run.shell = "id";
    CHECK_INT(wrenn_sandbox_exec(as, &run, NULL, &result, NULL), 0);
    wrenn_exec_result_free(result);
    run.user = "other";
    CHECK_INT(wrenn_sandbox_exec(as, &run, NULL, &result, NULL), 0);
    CHECK_INT(exists(&s, "/a"), 0); /* the other handle is as before */
    CHECK_INT(script_count(s.server), 11);
    for (size_t i = 0; i < 11; i++) {
        const char *asked = script_request(s.server, i);
        if (i == 7) CHECK_CONTAINS(asked, "name=\"user\"\r\n\r\napp:web\r\n");
        else if (i < 9) CHECK_CONTAINS(asked, "\"user\":\"app:web\"");
        else if (i == 9) CHECK_CONTAINS(asked, "\"user\":\"other\"");
        else CHECK(!strstr(asked, "\"user\""));
    }
    wrenn_exec_result_free(result);
    wrenn_file_free(file);
    wrenn_file_entry_free(made);
    wrenn_file_list_free(list);
    wrenn_sandbox_free(as);
    static const char *const bad[] = {NULL, "", "\xff", "a\r\nb"};
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(wrenn_sandbox_as_user(s.sandbox, bad[i], &as, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_as_user(NULL, "app", &as, NULL), WRENN_E_INVALID_ARGUMENT);
    tear_down(&s);
}

TEST_MAIN
