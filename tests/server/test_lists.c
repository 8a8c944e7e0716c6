/* Labels that change, names that are nobody else's, and lists by labels, status and template, all at once or in pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

static reply relabel(const test_daemon *d, const char *id, const char *body) {
    return call(d, "PATCH", sandbox_path(id, "/metadata"), body);
}

static void check_labels(reply r, const char *want) {
    wrn_buf text = WRN_BUF_INIT;
    const wrn_json *labels = wrn_json_get(r.json, "metadata");
    if (labels) wrn_json_write(labels, &text);
    CHECK_INT(r.status, 200);
    CHECK_STR(text.size ? text.data : "", want);
    wrn_buf_free(&text);
    reply_free(&r);
}

static void check_refused(reply r, int status, const char *part) {
    CHECK_MSG(r.status == status, "%d: %s", r.status, r.body);
    CHECK_CONTAINS(error_message(&r), part);
    reply_free(&r);
}

TEST(labels_are_set_and_removed) {
    test_daemon d;
    char id[40], capsule[80];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    snprintf(capsule, sizeof(capsule), "/v1/capsules/%s/metadata", id);
    check_labels(relabel(&d, id, "{\"set\":{\"a\":\"1\",\"b\":\"J\\u00f6rg \\\"x\\\"\"}}"),
                 "{\"a\":\"1\",\"b\":\"J\xc3\xb6rg \\\"x\\\"\"}");
    check_labels(call(&d, "PATCH", capsule, "{\"set\":{\"c\":\"\",\"a\":\"2\"},\"remove\":[\"b\",\"none\"]}"),
                 "{\"a\":\"2\",\"c\":\"\"}");
    check_labels(relabel(&d, id, "{}"), "{\"a\":\"2\",\"c\":\"\"}");
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    check_labels(relabel(&d, id, "{\"set\":{\"a\":\"3\"},\"remove\":[\"a\",\"c\"]}"), "{\"a\":\"3\"}");
    check_labels(call(&d, "GET", sandbox_path(id, ""), NULL), "{\"a\":\"3\"}");
    check_labels(relabel(&d, id, "{\"remove\":[\"a\"]}"), "");
    check_labels(call(&d, "GET", sandbox_path(id, ""), NULL), "");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    CHECK_ERROR(relabel(&d, id, "{\"set\":{\"a\":\"1\"}}"), 409, "invalid_state");
    CHECK_ERROR(relabel(&d, "cl-0123456789abcdefghijklmno", "{}"), 404, "not_found");
    daemon_stop(&d);
}

TEST(changed_labels_have_the_bounds_of_create) {
    static const struct {
        const char *body, *part;
    } bad[] = {{"", ""},
               {"[]", ""},
               {"{\"set\":[]}", "\"set\" must be an object"},
               {"{\"set\":{\"n\":1}}", "\"set\" must be a string"},
               {"{\"set\":{\"n\":null}}", "\"set\" must be a string"},
               {"{\"remove\":\"n\"}", "\"remove\" must be an array"},
               {"{\"set\":{\"\":\"x\"}}", "the name \"\""},
               {"{\"set\":{\"two words\":\"x\"}}", "the name \"two words\""},
               {"{\"set\":{\"vmm_version\":\"x\"}}", "is the server's own"},
               {"{\"set\":{\"n\":\"12345678901234567890123456789012345678901234567890123456789012345\"}}",
                "has 65 characters"},
               {"{\"set\":{\"l20\":\"\"}}", "there are 21"}};
    test_daemon d;
    char id[40];
    wrn_buf full = WRN_BUF_INIT;
    daemon_start(&d, NULL);
    wrn_buf_puts(&full, "{\"metadata\":{");
    for (int i = 0; i < 20; i++) wrn_buf_printf(&full, "%s\"l%d\":\"\"", i ? "," : "", i);
    wrn_buf_puts(&full, "}}");
    make_sandbox(&d, full.data, id);
    for (size_t i = 0; i < WRN_COUNT(bad); i++) check_refused(relabel(&d, id, bad[i].body), 400, bad[i].part);
    CHECK_STATUS(relabel(&d, id, "{\"set\":{\"l20\":\"\"},\"remove\":[\"l0\"]}"), 200);
    wrn_buf_free(&full);
    daemon_stop(&d);
}

TEST(no_two_sandboxes_have_one_name) {
    static const char named[] = "{\"metadata\":{\"name\":\"it's \\\"work\\\"\",\"x\":\"1\"}}";
    test_daemon d;
    char first[40], other[40], nameless[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, named, first);
    make_sandbox(&d, "{\"metadata\":{\"name\":\"other\",\"x\":\"1\"}}", other);
    make_sandbox(&d, "{\"metadata\":{\"name\":\"\"}}", nameless);
    make_sandbox(&d, "{\"metadata\":{\"name\":\"\"}}", nameless);
    check_refused(call(&d, "POST", "/v1/sandboxes", named), 409, first);
    check_refused(relabel(&d, other, "{\"set\":{\"name\":\"it's \\\"work\\\"\"}}"), 409, first);
    check_labels(relabel(&d, first, "{\"set\":{\"name\":\"it's \\\"work\\\"\",\"x\":\"2\"}}"),
                 "{\"name\":\"it's \\\"work\\\"\",\"x\":\"2\"}"); /* its own */
    CHECK_STATUS(call(&d, "POST", sandbox_path(first, "/pause"), NULL), 200);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", named), 409, "conflict");
    CHECK_STATUS(relabel(&d, first, "{\"set\":{\"name\":\"renamed\"}}"), 200);
    CHECK_STATUS(relabel(&d, other, "{\"set\":{\"name\":\"it's \\\"work\\\"\"}}"), 200);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", named), 409, "conflict");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(other, ""), NULL), 204);
    make_sandbox(&d, named, other); /* who is gone needs no name */
    /* A create that is repeated with its key is not in its own way. */
    char credentials[256];
    snprintf(credentials, sizeof(credentials), "X-API-Key: %s\r\nIdempotency-Key: k", d.key);
    for (int i = 0; i < 2; i++)
        CHECK_STATUS(request(&d, "POST", "/v1/sandboxes", credentials, "{\"metadata\":{\"name\":\"once\"}}"), 201);
    daemon_stop(&d);
}

/* ---- lists ---- */

/* What a list has: the label "n" of each. */
static void check_list(const test_daemon *d, const char *query, const char *want) {
    char path[400], got[400] = "";
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "/v1/%s%s", i ? "capsules" : "sandboxes", query);
        reply r = call(d, "GET", path, NULL);
        CHECK_MSG(r.status == 200, "%s: %s", path, r.body);
        size_t size = 0;
        *got = '\0';
        for (size_t k = 0; k < wrn_json_count(r.json); k++) {
            const wrn_json *labels = wrn_json_get(wrn_json_at(r.json, k), "metadata");
            size += (size_t)snprintf(got + size, sizeof(got) - size, "%s",
                                     wrn_json_string(wrn_json_get(labels, "n"), NULL));
        }
        test_check_str(__FILE__, __LINE__, path, got, want);
        reply_free(&r);
    }
}

TEST(lists_are_filtered) {
    test_daemon d;
    char ids[4][40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"metadata\":{\"n\":\"a\",\"app\":\"web\",\"quote\":\"x\\\",\\\"app\\\":\\\"db\"}}", ids[0]);
    make_sandbox(&d, "{\"metadata\":{\"n\":\"b\",\"app\":\"web\",\"who\":\"J\\u00f6rg / & =\"},\"template\":\"large\"}",
                 ids[1]);
    make_sandbox(&d, "{\"metadata\":{\"n\":\"c\",\"app\":\"webs\",\"webapp\":\"\"}}", ids[2]);
    make_sandbox(&d, "{\"metadata\":{\"n\":\"d\",\"app\":\"db\"}}", ids[3]);
    CHECK_STATUS(call(&d, "POST", sandbox_path(ids[2], "/pause"), NULL), 200);
    check_list(&d, "", "dcba");
    check_list(&d, "?", "dcba");
    check_list(&d, "?nothing=known&x", "dcba");
    check_list(&d, "?label=app=web", "ba");
    check_list(&d, "?label=app%3Dweb&label=n=a", "a");
    check_list(&d, "?label=app=web&label=app=db", "");
    check_list(&d, "?label=app=db", "d");
    check_list(&d, "?label=app=", "");
    check_list(&d, "?label=webapp=", "c");
    check_list(&d, "?label=who=J%C3%B6rg+/+%26+%3D", "b");
    check_list(&d, "?label=quote=x%22,%22app%22:%22db", "a");
    check_list(&d, "?label=app=%25&label=n=_", "");
    check_list(&d, "?status=running", "dba");
    check_list(&d, "?status=paused", "c");
    check_list(&d, "?status=missing", "");
    check_list(&d, "?template=large", "b");
    check_list(&d, "?template=other", "");
    check_list(&d, "?template=minimal&status=running&label=app=web", "a");
    for (size_t i = 0; i < 4; i++) {
        char path[80];
        const char *begins[] = {ids[i], ids[i] + 3}, *name = (const char *[]){"a", "b", "c", "d"}[i];
        for (size_t k = 0; k < 2; k++) {
            snprintf(path, sizeof(path), "?id_prefix=%s", begins[k]);
            check_list(&d, path, name);
            snprintf(path, sizeof(path), "?status=running&id_prefix=%.20s", begins[k]);
            check_list(&d, path, i == 2 ? "" : name);
        }
    }
    check_list(&d, "?id_prefix=c", "dcba");
    check_list(&d, "?id_prefix=cl-&limit=3", "dcb");
    check_list(&d, "?id_prefix=cl_", "");
    check_list(&d, "?id_prefix=%25", "");
    check_list(&d, "?limit=3", "dcb");
    check_list(&d, "?limit=2&status=running", "db");
    daemon_stop(&d);
}

TEST(what_is_no_filter_is_refused) {
    static const struct {
        const char *query, *part;
    } bad[] = {{"status=runing", "pending, running, paused, hibernated or missing"},
               {"status=stopped", "pending, running, paused, hibernated or missing"},
               {"status=error", "\"error\""},
               {"status=", "status"},
               {"status", "status"},
               {"status=%zz", "status"},
               {"status=%ff", "status"},
               {"label=x", "NAME=value"},
               {"label", "NAME=value"},
               {"label==x", "the name \"\""},
               {"label=%ff=x", "NAME=value"},
               {"label=a=1&label=a+b=2", "the name \"a b\""},
               {"template=/x", "template"},
               {"id_prefix=", "id_prefix"},
               {"id_prefix=%ff", "id_prefix"},
               {"limit=0", "limit"},
               {"limit=-1", "limit"},
               {"limit=1x", "limit"},
               {"limit=99999999999", "limit"},
               {"limit=", "limit"},
               {"after=x", "after"},
               {"after=cl-0123456789abcdefghijklmno", "after"}};
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < WRN_COUNT(bad); i++) {
        char path[200];
        snprintf(path, sizeof(path), "/v1/%s?%s", i % 2 ? "capsules" : "sandboxes", bad[i].query);
        check_refused(call(&d, "GET", path, NULL), 400, bad[i].part);
    }
    wrn_buf many = WRN_BUF_INIT;
    wrn_buf_puts(&many, "/v1/sandboxes?label=a=1");
    for (int i = 1; i < 20; i++) wrn_buf_puts(&many, "&label=a=1");
    CHECK_STATUS(call(&d, "GET", many.data, NULL), 200);
    wrn_buf_puts(&many, "&label=a=1");
    check_refused(call(&d, "GET", many.data, NULL), 400, "more than 20");
    wrn_buf_free(&many);
    daemon_stop(&d);
}

/* Each of so many sandboxes comes once, though others come and go, and the one that a page ended with, too. */
TEST(pages_leave_nothing_out) {
    enum { COUNT = 25, LIMIT = 4 };
    test_daemon d;
    char ids[COUNT][40], other[40], after[60] = "";
    size_t next = COUNT, pages = 0, count;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < COUNT; i++) make_sandbox(&d, i % 5 ? "{\"metadata\":{\"k\":\"v\"}}" : "{}", ids[i]);
    do {
        char path[200];
        snprintf(path, sizeof(path), "/v1/sandboxes?limit=%d&label=k=v%s", LIMIT, after);
        reply r = call(&d, "GET", path, NULL);
        CHECK_INT(r.status, 200);
        count = wrn_json_count(r.json);
        for (size_t i = 0; i < count; i++) {
            do next--;
            while (next % 5 == 0);
            const char *id = wrn_json_string(wrn_json_get(wrn_json_at(r.json, i), "id"), NULL);
            CHECK_STR(id, ids[next]);
            snprintf(after, sizeof(after), "&after=%s", id);
        }
        reply_free(&r);
        make_sandbox(&d, "{\"metadata\":{\"k\":\"v\"}}", other);
        if (count) CHECK_STATUS(call(&d, "DELETE", sandbox_path(ids[next], ""), NULL), 204);
        pages++;
    } while (count == LIMIT);
    CHECK_INT(next, 1);
    CHECK_INT(pages, COUNT * 4 / 5 / LIMIT + 1);
    daemon_stop(&d);
}

TEST_MAIN
