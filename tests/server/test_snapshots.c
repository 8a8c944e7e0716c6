/* Snapshots through the API: names, order of checks, what they give to sandboxes. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon.h"

static reply snap_with(const test_daemon *d, const char *id, const char *name, const char *query) {
    char path[128], body[256];
    snprintf(path, sizeof(path), "/v1/snapshots%s", query);
    if (name) snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"%s\"}", id, name);
    else snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\"}", id);
    return call(d, "POST", path, body);
}

static reply snap(const test_daemon *d, const char *id, const char *name) { return snap_with(d, id, name, ""); }

/* The entry of the list with that name; NULL when there is none. */
static const wrn_json *entry(const reply *list, const char *name) {
    for (size_t i = 0; i < wrn_json_count(list->json); i++) {
        const wrn_json *item = wrn_json_at(list->json, i);
        if (strcmp(wrn_json_string(wrn_json_get(item, "name"), NULL), name) == 0) return item;
    }
    return NULL;
}

TEST(a_snapshot_is_a_template_of_its_sizes) {
    test_daemon d;
    char id[40], other[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"vcpus\":3,\"memory_mb\":333}", id);
    reply r = snap(&d, id, "one");
    CHECK_MSG(r.status == 201, "%s", r.body);
    CHECK_STR(member(&r, "name"), "one");
    CHECK_STR(member(&r, "type"), "snapshot");
    CHECK_INT(number(&r, "vcpus"), 3);
    CHECK_INT(number(&r, "memory_mb"), 333);
    CHECK_INT(number(&r, "size_bytes"), 12345);
    CHECK_INT(strlen(member(&r, "created_at")), 20);
    bool platform = true;
    CHECK(wrn_json_bool(wrn_json_get(r.json, "platform"), &platform) && !platform);
    reply_free(&r);
    check_status(&d, id, "paused");
    r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"one\",\"vcpus\":1,\"memory_mb\":64}");
    CHECK_INT(r.status, 201);
    CHECK_STR(member(&r, "template"), "one");
    CHECK_INT(number(&r, "vcpus"), 3);
    CHECK_INT(number(&r, "memory_mb"), 333);
    snprintf(other, sizeof(other), "%s", member(&r, "id"));
    reply_free(&r);
    /* A paused one can be taken too, and resumed afterwards. */
    CHECK_STATUS(snap(&d, id, "two"), 201);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 200);
    check_status(&d, id, "running");
    /* What lives does not mind. */
    CHECK_STATUS(call(&d, "DELETE", "/v1/snapshots/one", NULL), 204);
    CHECK_ERROR(call(&d, "DELETE", "/v1/snapshots/one", NULL), 404, "not_found");
    check_status(&d, other, "running");
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"one\"}"), 404, "not_found");
    daemon_stop(&d);
}

TEST(templates_of_the_platform_have_usual_sizes) {
    static const struct {
        const char *body;
        int64_t vcpus, memory_mb;
    } cases[] = {{"{\"template\":\"large\"}", 2, 4096},
                 {"{\"template\":\"large\",\"vcpus\":1}", 1, 4096},
                 {"{\"template\":\"large\",\"vcpus\":3,\"memory_mb\":-5}", 3, 4096},
                 {"{\"memory_mb\":64}", 1, 64}};
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        reply r = call(&d, "POST", "/v1/sandboxes", cases[i].body);
        CHECK_INT(number(&r, "vcpus"), cases[i].vcpus);
        CHECK_INT(number(&r, "memory_mb"), cases[i].memory_mb);
        reply_free(&r);
    }
    daemon_stop(&d);
}

TEST(lists_are_filtered_and_say_what_is_the_platforms) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    CHECK_STATUS(snap(&d, id, "b"), 201);
    CHECK_STATUS(snap(&d, id, "a"), 201);
    reply all = call(&d, "GET", "/v1/snapshots", NULL);
    CHECK_INT(all.status, 200);
    size_t count = wrn_json_count(all.json), own = 2;
    CHECK_MSG(count > own, "%s", all.body);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_at(all.json, 0), "name"), NULL), "a");
    bool platform = false;
    CHECK(wrn_json_bool(wrn_json_get(entry(&all, "minimal"), "platform"), &platform) && platform);
    CHECK(!wrn_json_has(entry(&all, "minimal"), "vcpus") && wrn_json_has(entry(&all, "large"), "vcpus"));
    reply_free(&all);
    const struct {
        const char *query;
        size_t count;
    } cases[] = {
        {"?type=snapshot", own}, {"?type=base", count - own}, {"?type=Base", 0}, {"?type=other", 0}, {"?type=", count}};
    for (size_t i = 0; i < 5; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/v1/snapshots%s", cases[i].query);
        reply r = call(&d, "GET", path, NULL);
        CHECK_MSG(r.status == 200 && r.json && wrn_json_count(r.json) == cases[i].count, "%s: %s", path, r.body);
        reply_free(&r);
    }
    daemon_stop(&d);
}

TEST(names_are_checked_before_anything_happens) {
    test_daemon d;
    char id[40], gone[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    make_sandbox(&d, "{}", gone);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(gone, ""), NULL), 204);
    CHECK_ERROR(call(&d, "POST", "/v1/snapshots", ""), 400, "invalid_request");
    CHECK_ERROR(call(&d, "POST", "/v1/snapshots", "{}"), 400, "invalid_request");
    CHECK_ERROR(call(&d, "POST", "/v1/snapshots", "{\"sandbox_id\":\"\"}"), 400, "invalid_request");
    CHECK_ERROR(snap(&d, "cl-x", "../x"), 400, "invalid_request");
    CHECK_ERROR(snap(&d, id, "../x"), 400, "invalid_request");
    CHECK_ERROR(snap(&d, id, ".x"), 400, "invalid_request");
    CHECK_ERROR(snap(&d, id, "a b"), 400, "invalid_request");
    CHECK_ERROR(snap(&d, "cl-0000000000000000000000001", "minimal"), 409, "name_reserved");
    CHECK_ERROR(snap_with(&d, id, "minimal", "?overwrite=true"), 409, "name_reserved");
    CHECK_ERROR(snap(&d, "cl-0000000000000000000000001", "x"), 404, "not_found");
    CHECK_ERROR(snap(&d, gone, "x"), 409, "invalid_state");
    check_status(&d, id, "running");
    CHECK_STATUS(snap(&d, id, "taken"), 201);
    CHECK_ERROR(snap(&d, "cl-0000000000000000000000001", "taken"), 409, "already_exists");
    CHECK_ERROR(snap_with(&d, id, "taken", "?overwrite=1"), 409, "already_exists");
    CHECK_ERROR(snap_with(&d, gone, "taken", "?overwrite=true"), 409, "invalid_state");
    CHECK_STATUS(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"taken\"}"), 201); /* still there */
    CHECK_ERROR(call(&d, "DELETE", "/v1/snapshots/a%20b", NULL), 400, "invalid_request");
    CHECK_ERROR(call(&d, "DELETE", "/v1/snapshots/minimal", NULL), 403, "forbidden");
    CHECK_ERROR(call(&d, "DELETE", "/v1/snapshots/other", NULL), 404, "not_found");
    daemon_stop(&d);
}

TEST(overwriting_replaces_and_names_are_made_up) {
    test_daemon d;
    char small[40], large[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"memory_mb\":100}", small);
    make_sandbox(&d, "{\"memory_mb\":200}", large);
    CHECK_STATUS(snap_with(&d, small, "x", "?overwrite=true"), 201);
    CHECK_STATUS(snap_with(&d, large, "x", "?overwrite=true"), 201);
    reply r = call(&d, "GET", "/v1/snapshots?type=snapshot", NULL);
    CHECK_INT(wrn_json_count(r.json), 1);
    int64_t memory_mb = 0;
    CHECK(wrn_json_int(wrn_json_get(entry(&r, "x"), "memory_mb"), &memory_mb));
    CHECK_INT(memory_mb, 200);
    reply_free(&r);
    for (int i = 0; i < 2; i++) {
        r = snap(&d, small, i ? "" : NULL);
        CHECK_INT(r.status, 201);
        const char *name = member(&r, "name");
        CHECK(strncmp(name, "template-", 9) == 0 && strlen(name) == 17);
        CHECK_INT(strspn(name + 9, "0123456789abcdef"), 8);
        reply_free(&r);
    }
    daemon_stop(&d);
}

TEST(what_fails_is_said_and_leaves_nothing) {
    test_daemon d;
    char id[40], stuck[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"template\":\"unmeasured\"}", id);
    make_sandbox(&d, "{\"template\":\"unpausable\"}", stuck);
    reply r = snap(&d, id, "x");
    CHECK_INT(r.status, 500);
    CHECK_CONTAINS(error_message(&r), "no space");
    reply_free(&r);
    check_status(&d, id, "paused");
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 200);
    CHECK_ERROR(snap(&d, stuck, "x"), 502, "agent_error");
    check_status(&d, stuck, "running");
    r = call(&d, "GET", "/v1/snapshots?type=snapshot", NULL);
    CHECK_STR(r.body, "[]\n");
    reply_free(&r);
    daemon_stop(&d);
}

/* A sandbox whose snapshot waits at the gate: its id; the request is on *fd. */
static void begin_gated(const test_daemon *d, char id[40], int *fd) {
    char text[512];
    int made = dial(d->socket);
    snprintf(text, sizeof(text),
             "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 20\r\n\r\n"
             "{\"template\":\"gated\"}",
             d->key);
    send_text(made, text);
    for (bool there = false; !there;) {
        reply r = call(d, "GET", "/v1/sandboxes", NULL);
        there = wrn_json_count(r.json) == 1;
        reply_free(&r);
    }
    kill(d->pid, SIGUSR1);
    reply r = read_reply(made);
    CHECK_INT(r.status, 201);
    snprintf(id, 40, "%s", member(&r, "id"));
    reply_free(&r);
    close(made);
    *fd = dial(d->socket);
    snprintf(text, sizeof(text),
             "POST /v1/snapshots HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n"
             "{\"sandbox_id\":\"%s\",\"name\":\"x\"}",
             d->key, strlen(id) + 28, id);
    send_text(*fd, text);
    for (bool there = false; !there;) {
        r = call(d, "GET", sandbox_path(id, ""), NULL);
        there = strcmp(member(&r, "status"), "paused") == 0;
        reply_free(&r);
    }
}

TEST(it_goes_on_when_the_client_hangs_up) {
    test_daemon d;
    char id[40];
    int fd;
    daemon_start(&d, NULL);
    begin_gated(&d, id, &fd);
    close(fd);
    reply r = call(&d, "GET", "/v1/snapshots?type=snapshot", NULL);
    CHECK_STR(r.body, "[]\n");
    reply_free(&r);
    kill(d.pid, SIGUSR1);
    for (bool there = false; !there;) {
        r = call(&d, "GET", "/v1/snapshots?type=snapshot", NULL);
        there = wrn_json_count(r.json) == 1;
        reply_free(&r);
    }
    daemon_stop(&d);
}

TEST(changes_wait_for_it_and_the_end_of_the_server_does_not) {
    test_daemon d;
    char id[40];
    int fd;
    daemon_start(&d, NULL);
    begin_gated(&d, id, &fd);
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 409, "invalid_state");
    daemon_stop(&d);
    close(fd);
}

TEST(teams_have_names_of_their_own) {
    test_daemon d;
    char id[40], token[1200], line[1300], body[128];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    CHECK_STATUS(snap(&d, id, "mine"), 201);
    reply r = request(&d, "POST", "/v1/auth/signup", NULL, "{\"email\":\"b@example.com\",\"password\":\"12345678\"}");
    snprintf(token, sizeof(token), "%s", member(&r, "token"));
    reply_free(&r);
    snprintf(line, sizeof(line), "Authorization: Bearer %s", token);
    r = request(&d, "GET", "/v1/snapshots?type=snapshot", line, NULL);
    CHECK_STR(r.body, "[]\n");
    reply_free(&r);
    CHECK_ERROR(request(&d, "POST", "/v1/sandboxes", line, "{\"template\":\"mine\"}"), 404, "not_found");
    CHECK_ERROR(request(&d, "DELETE", "/v1/snapshots/mine", line, NULL), 404, "not_found");
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\"}", id);
    CHECK_ERROR(request(&d, "POST", "/v1/snapshots", line, body), 404, "not_found");
    r = request(&d, "POST", "/v1/sandboxes", line, "{}");
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"mine\"}", member(&r, "id"));
    reply_free(&r);
    CHECK_STATUS(request(&d, "POST", "/v1/snapshots", line, body), 201);
    CHECK_STATUS(request(&d, "DELETE", "/v1/snapshots/mine", line, NULL), 204);
    CHECK_STATUS(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"mine\"}"), 201);
    daemon_stop(&d);
}

TEST_MAIN
