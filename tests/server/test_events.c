/* What has happened, page by page: GET /v1/events. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"

static reply events(const test_daemon *d, const char *query) {
    char path[400];
    snprintf(path, sizeof(path), "/v1/events%s", query);
    reply r = call(d, "GET", path, NULL);
    CHECK_MSG(r.status == 200, "%s: %s", query, r.body);
    return r;
}

static const wrn_json *event_at(const reply *r, size_t i) { return wrn_json_at(wrn_json_get(r->json, "events"), i); }

static const char *text_of(const wrn_json *object, const char *key) {
    const char *text = wrn_json_string(wrn_json_get(object, key), NULL);
    return text ? text : "";
}

/* Their types and reasons, as "sandbox.create sandbox.pause(idle)". */
static void check_types(const reply *r, const char *expected) {
    WRN_AUTO(wrn_buf_free) wrn_buf types = WRN_BUF_INIT;
    for (size_t i = 0; i < wrn_json_count(wrn_json_get(r->json, "events")); i++) {
        const char *reason = text_of(event_at(r, i), "reason");
        wrn_buf_printf(&types, "%s%s%s%s%s", i ? " " : "", text_of(event_at(r, i), "type"), *reason ? "(" : "", reason,
                       *reason ? ")" : "");
    }
    wrn_buf_puts(&types, "");
    CHECK_STR(types.data ? types.data : "", expected);
}

static void check_events(const test_daemon *d, const char *query, const char *expected) {
    reply r = events(d, query);
    check_types(&r, expected);
    reply_free(&r);
}

/* A request that waits: the connection. */
static int ask(const test_daemon *d, const char *query) {
    char head[1200];
    int fd = dial(d->socket);
    snprintf(head, sizeof(head), "GET /v1/events%s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", query, d->key);
    send_text(fd, head);
    return fd;
}

static void check_answer(int fd, const char *expected) {
    reply r = read_reply(fd);
    CHECK_INT(r.status, 200);
    check_types(&r, expected);
    reply_free(&r);
    close(fd);
}

static void next_of(const test_daemon *d, const char *query, char after[100]) {
    reply r = events(d, query);
    snprintf(after, 100, "?after=%s", member(&r, "next"));
    reply_free(&r);
}

TEST(each_change_is_an_event) {
    test_daemon d;
    char id[40], body[128];
    daemon_start(&d, NULL);
    CHECK_STATUS(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"broken\"}"), 502);
    make_sandbox(&d, "{\"timeout_sec\":60,\"lifetime_sec\":600,\"metadata\":{\"name\":\"work\",\"a\":\"\\\"\"}}", id);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"x\"}", id);
    CHECK_STATUS(call(&d, "POST", "/v1/snapshots", body), 201);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 200);
    CHECK_STATUS(call(&d, "PATCH", sandbox_path(id, "/metadata"), "{\"set\":{\"b\":\"c\"}}"), 200);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/lifetime"), "{\"lifetime_sec\":500}"), 200);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"wait\",\"background\":true,\"tag\":\"t\"}"),
                 202);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"echo\"}"), 200);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, "/processes/t"), NULL), 204);
    daemon_pass(&d, 61);
    wait_status(&d, id, "paused");
    daemon_pass(&d, 600);
    wait_status(&d, id, "stopped");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204); /* it is gone already: nothing happens */
    CHECK_STATUS(call(&d, "DELETE", "/v1/snapshots/x", NULL), 204);
    reply r = events(&d, "");
    check_types(&r, "sandbox.create sandbox.create sandbox.pause snapshot.create sandbox.resume sandbox.labels "
                    "sandbox.lifetime command.start command.end sandbox.pause(idle) sandbox.destroy(lifetime) "
                    "snapshot.delete");
    CHECK(*text_of(event_at(&r, 0), "error"));
    const wrn_json *made = event_at(&r, 1), *ended = event_at(&r, 8);
    CHECK(!wrn_json_has(made, "error"));
    CHECK_STR(text_of(made, "sandbox_id"), id);
    CHECK_STR(text_of(made, "template"), "minimal");
    CHECK_STR(text_of(wrn_json_get(made, "metadata"), "a"), "\"");
    CHECK(!wrn_json_has(wrn_json_get(made, "metadata"), "b"));
    CHECK_STR(text_of(event_at(&r, 3), "snapshot"), "x");
    CHECK_STR(text_of(event_at(&r, 3), "sandbox_id"), id);
    CHECK_STR(text_of(wrn_json_get(event_at(&r, 3), "metadata"), "name"), "work");
    CHECK_STR(text_of(wrn_json_get(event_at(&r, 5), "metadata"), "b"), "c");
    CHECK(*text_of(event_at(&r, 6), "expires_at"));
    CHECK_STR(text_of(ended, "tag"), "t");
    int64_t code = 0, at = 0;
    CHECK(wrn_json_int(wrn_json_get(ended, "exit_code"), &code));
    CHECK(wrn_json_int(wrn_json_get(ended, "time_ms"), &at) && at > 0);
    reply_free(&r);
    daemon_stop(&d);
}

TEST(events_can_be_chosen) {
    test_daemon d;
    char one[40], two[40], query[200];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"metadata\":{\"name\":\"one\",\"app\":\"web\"}}", one);
    make_sandbox(&d, "{\"metadata\":{\"name\":\"two\",\"app\":\"web\"}}", two);
    CHECK_STATUS(call(&d, "POST", sandbox_path(one, "/pause"), NULL), 200);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(two, ""), NULL), 204);
    check_events(&d, "?sandbox=one", "sandbox.create sandbox.pause");
    snprintf(query, sizeof(query), "?sandbox=%s", two);
    check_events(&d, query, "sandbox.create sandbox.destroy");
    snprintf(query, sizeof(query), "?sandbox=%.12s", two + 3); /* without "cl-" */
    check_events(&d, query, "sandbox.create sandbox.destroy");
    check_events(&d, "?sandbox=three", "");
    check_events(&d, "?sandbox=cl-", "");
    check_events(&d, "?sandbox=c", "");
    check_events(&d, "?type=sandbox.pause&type=sandbox.destroy", "sandbox.pause sandbox.destroy");
    check_events(&d, "?type=sandbox&label=app%3Dweb&label=name%3Dtwo", "sandbox.create sandbox.destroy");
    check_events(&d, "?type=command", "");
    check_events(&d, "?since_ms=99999999999999", "");
    check_events(&d, "?since_ms=1&type=sandbox.pause", "sandbox.pause");
    check_events(&d, "?after=now", "");
    CHECK_ERROR(call(&d, "GET", "/v1/events?type=sandbox.paus", NULL), 400, "invalid_request");
    CHECK_ERROR(call(&d, "GET", "/v1/events?type=", NULL), 400, "invalid_request");
    CHECK_ERROR(call(&d, "GET", "/v1/events?label=x", NULL), 400, "invalid_request");
    CHECK_ERROR(call(&d, "GET", "/v1/events?sandbox=%ff", NULL), 400, "invalid_request");
    CHECK_ERROR(call(&d, "GET", "/v1/events?sandbox=", NULL), 400, "invalid_request");
    CHECK_ERROR(call(&d, "GET", "/v1/events?after=never", NULL), 400, "invalid_request");
    CHECK_ERROR(call(&d, "GET", "/v1/events?wait_sec=3601", NULL), 400, "invalid_request");
    CHECK_ERROR(call(&d, "GET", "/v1/events?since_ms=-1", NULL), 400, "invalid_request");
    CHECK_ERROR(request(&d, "GET", "/v1/events", NULL, NULL), 401, "unauthorized");
    daemon_stop(&d);
}

TEST(whoever_waits_gets_what_happens) {
    test_daemon d;
    char id[40], after[100], query[160];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    next_of(&d, "", after);
    snprintf(query, sizeof(query), "%s&wait_sec=60", after);
    int any = ask(&d, query);
    snprintf(query, sizeof(query), "%s&wait_sec=60&type=sandbox.destroy", after);
    int end = ask(&d, query), gone = ask(&d, query), late = ask(&d, query);
    close(gone);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    check_answer(any, "sandbox.pause");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    check_answer(end, "sandbox.destroy");
    check_answer(late, "sandbox.destroy");
    int idle = ask(&d, "?after=now&wait_sec=60");
    CHECK_STATUS(call(&d, "GET", "/v1/sandboxes", NULL), 200); /* what came before this waits by now */
    daemon_pass(&d, 61);
    check_answer(idle, "");
    idle = ask(&d, "?after=now&wait_sec=3600");
    daemon_stop(&d); /* nobody keeps it from stopping */
    close(idle);
}

/* Changes the label n to each number from `first` on. All are sent before the first answer is read. */
static void change_some(const test_daemon *d, int fd, const char *id, int first, int count) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    char body[64];
    for (int i = first; i < first + count; i++) {
        snprintf(body, sizeof(body), "{\"set\":{\"n\":\"%d\"}}", i);
        wrn_buf_printf(&text, "PATCH %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n%s",
                       sandbox_path(id, "/metadata"), d->key, strlen(body), body);
    }
    send_bytes(fd, text.data, text.size);
    for (int i = 0; i < count; i++) CHECK_STATUS(read_reply(fd), 200);
}

/* All of them, one page after the other: each event once. */
TEST(what_is_not_kept_any_more_is_counted) {
    enum { CHANGES = 4400, KEPT = 4096, AT_ONCE = 100 };
    test_daemon d;
    char id[40], first[100], after[100] = "", body[64];
    int64_t count = 0, lost;
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    next_of(&d, "", first);
    int fd = dial(d.socket);
    for (int i = 0; i < CHANGES; i += AT_ONCE) change_some(&d, fd, id, i, AT_ONCE);
    close(fd);
    reply r = events(&d, first);
    lost = number(&r, "lost");
    CHECK_MSG(lost > 0 && lost <= CHANGES - KEPT, "%lld", (long long)lost);
    for (bool more = true; more; reply_free(&r)) {
        if (*after) r = events(&d, after);
        size_t some = wrn_json_count(wrn_json_get(r.json, "events"));
        for (size_t i = 0; i < some; i++, count++) {
            snprintf(body, sizeof(body), "%" PRId64, count + lost);
            CHECK_STR(text_of(wrn_json_get(event_at(&r, i), "metadata"), "n"), body);
        }
        CHECK_INT(*after ? number(&r, "lost") : 0, 0);
        CHECK(wrn_json_bool(wrn_json_get(r.json, "more"), &more) && (some || !more));
        snprintf(after, sizeof(after), "?after=%s", member(&r, "next"));
    }
    CHECK_INT(count + lost, CHANGES);
    r = events(&d, "?after=team-of.another-one.7");
    CHECK_INT(number(&r, "lost"), -1);
    CHECK(wrn_json_count(wrn_json_get(r.json, "events")) > 0);
    reply_free(&r);
    daemon_stop(&d);
}

/* Also when the server could not say goodbye. */
TEST(they_are_kept_when_the_server_starts_again) {
    test_daemon d;
    served s;
    char id[40], after[100];
    daemon_serve(&s, &d, NULL);
    daemon_key(&s, &d);
    make_sandbox(&d, "{}", id);
    next_of(&d, "", after);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    kill(s.pid, SIGKILL);
    daemon_wait(s.pid);
    close(s.out);
    daemon_serve(&s, &d, NULL);
    wait_status(&d, id, "stopped");
    reply r = events(&d, after);
    check_types(&r, "sandbox.pause sandbox.destroy(restart)");
    CHECK_INT(number(&r, "lost"), 0);
    snprintf(after, sizeof(after), "?after=%s", member(&r, "next"));
    reply_free(&r);
    make_sandbox(&d, "{}", id);
    int waits = ask(&d, "?after=now&wait_sec=600");
    daemon_finish(&s, SIGTERM);
    free(s.said);
    close(waits);
    daemon_serve(&s, &d, NULL);
    check_events(&d, after, "sandbox.create sandbox.destroy(shutdown)");
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

TEST_MAIN
