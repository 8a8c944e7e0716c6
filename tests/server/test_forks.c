/* Copies of sandboxes: what callers get, and what is left when it fails. Real ones are in e2e/test_vm.c. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"

static reply fork_it(const test_daemon *d, const char *id, const char *body) {
    return call(d, "POST", sandbox_path(id, "/fork"), body);
}

static const char *text_of(const reply *r, size_t index, const char *member) {
    const char *text = wrn_json_string(wrn_json_get(wrn_json_at(r->json, index), member), NULL);
    return text ? text : "";
}

static const char *label_of(const reply *r, size_t index, const char *name) {
    const char *text = wrn_json_string(wrn_json_get(wrn_json_get(wrn_json_at(r->json, index), "metadata"), name), NULL);
    return text ? text : "";
}

static size_t count_living(const test_daemon *d) {
    reply r = call(d, "GET", "/v1/sandboxes", NULL);
    size_t count = wrn_json_count(r.json);
    reply_free(&r);
    return count;
}

TEST(copies_have_what_the_sandbox_has_and_names_of_their_own) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d,
                 "{\"vcpus\":2,\"memory_mb\":300,\"timeout_sec\":700,\"lifetime_sec\":7200,\"lease_sec\":600,"
                 "\"metadata\":{\"name\":\"one\",\"team\":\"blue\"}}",
                 id);
    reply r = fork_it(&d, id, "{\"count\":3,\"metadata\":{\"name\":\"copy\",\"job\":\"7\"}}");
    CHECK_INT(r.status, 201);
    CHECK_INT(wrn_json_count(r.json), 3);
    for (size_t i = 0; i < 3; i++) {
        char name[32];
        int64_t seconds = 0, memory = 0;
        snprintf(name, sizeof(name), "copy-%zu", i + 1);
        CHECK_STR(text_of(&r, i, "status"), "running");
        CHECK_STR(label_of(&r, i, "name"), name);
        CHECK_STR(label_of(&r, i, "team"), "blue");
        CHECK_STR(label_of(&r, i, "job"), "7");
        CHECK(wrn_json_int(wrn_json_get(wrn_json_at(r.json, i), "lifetime_sec"), &seconds) && seconds == 7200);
        CHECK(wrn_json_int(wrn_json_get(wrn_json_at(r.json, i), "memory_mb"), &memory) && memory == 300);
        CHECK(!wrn_json_has(wrn_json_at(r.json, i), "lease_sec"));
        CHECK(strcmp(text_of(&r, i, "id"), id) != 0);
    }
    reply_free(&r);
    CHECK_INT(count_living(&d), 4);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/ping"), NULL), 204);
    r = call(&d, "POST", "/v1/capsules/nothing/fork", "{}");
    CHECK_INT(r.status, 400);
    reply_free(&r);
    daemon_stop(&d);
}

/* Nothing asked for is one copy, without a name. */
TEST(the_usual_fork_is_one_copy) {
    test_daemon d;
    char id[40], path[80];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"metadata\":{\"name\":\"one\"}}", id);
    snprintf(path, sizeof(path), "/v1/capsules/%s/fork", id);
    reply r = call(&d, "POST", path, "{\"lifetime_sec\":-1}");
    CHECK_INT(r.status, 201);
    CHECK_INT(wrn_json_count(r.json), 1);
    CHECK_STR(label_of(&r, 0, "name"), "");
    reply_free(&r);
    r = fork_it(&d, id, "{\"metadata\":{\"name\":\"other\"}}");
    CHECK_STR(label_of(&r, 0, "name"), "other");
    reply_free(&r);
    daemon_stop(&d);
}

TEST(what_can_not_be_forked_says_why) {
    test_daemon d;
    char id[40], paused[40], namespaces[40], unpausable[40];
    daemon_start(&d, (const char *[]){"--max-sandboxes", "6", NULL});
    make_sandbox(&d, "{\"metadata\":{\"name\":\"one\"}}", id);
    make_sandbox(&d, "{}", paused);
    make_sandbox(&d, "{\"template\":\"unmeasured\"}", namespaces);
    make_sandbox(&d, "{\"template\":\"unpausable\"}", unpausable);
    CHECK_STATUS(call(&d, "POST", sandbox_path(paused, "/pause"), NULL), 200);
    CHECK_ERROR(fork_it(&d, id, "{\"count\":-1}"), 400, "invalid_request");
    CHECK_ERROR(fork_it(&d, id, "{\"count\":33}"), 400, "invalid_request");
    CHECK_ERROR(fork_it(&d, id, "{\"metadata\":{\"a b\":\"\"}}"), 400, "invalid_request");
    CHECK_ERROR(fork_it(&d, id, "{\"metadata\":{\"name\":\"one\"}}"), 409, "conflict");
    CHECK_ERROR(fork_it(&d, id, "{\"count\":3}"), 503, "no_hosts_available");
    CHECK_ERROR(fork_it(&d, paused, "{}"), 409, "invalid_state");
    CHECK_ERROR(fork_it(&d, namespaces, "{}"), 501, "not_implemented");
    CHECK_ERROR(fork_it(&d, unpausable, "{\"count\":2}"), 502, "agent_error");
    CHECK_ERROR(fork_it(&d, "cl-0000000000000000000000000", "{}"), 404, "not_found");
    CHECK_INT(count_living(&d), 4);
    CHECK_STATUS(fork_it(&d, id, "{\"count\":2}"), 201);
    CHECK_INT(count_living(&d), 6);
    daemon_stop(&d);
}

/* The fake's third copy fails. The sandbox goes on, and the same names are free again. */
TEST(a_copy_that_fails_takes_the_others_along) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"template\":\"large\"}", id);
    CHECK_ERROR(fork_it(&d, id, "{\"count\":5,\"metadata\":{\"name\":\"copy\"}}"), 502, "agent_error");
    CHECK_INT(count_living(&d), 1);
    check_status(&d, id, "running");
    reply r = fork_it(&d, id, "{\"metadata\":{\"name\":\"copy-1\"}}"); /* the sixth one fails, too */
    CHECK_INT(r.status, 502);
    reply_free(&r);
    CHECK_STATUS(fork_it(&d, id, "{\"metadata\":{\"name\":\"copy-1\"}}"), 201);
    CHECK_INT(count_living(&d), 2);
    daemon_stop(&d);
}

/* The server sees the request and that its client has gone at the same time. */
TEST(copies_that_nobody_hears_of_do_not_stay) {
    test_daemon d;
    char id[40], head[300];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\n"
             "Content-Length: 11\r\n\r\n{\"count\":2}",
             sandbox_path(id, "/fork"), d.key);
    int fd = dial(d.socket);
    kill(d.pid, SIGSTOP);
    send_text(fd, head);
    close(fd);
    kill(d.pid, SIGCONT);
    for (size_t gone = 0; gone < 2;) {
        reply r = call(&d, "GET", "/v1/events?type=sandbox.destroy&wait_sec=5", NULL);
        CHECK_INT(r.status, 200);
        gone = wrn_json_count(wrn_json_get(r.json, "events"));
        reply_free(&r);
    }
    CHECK_INT(count_living(&d), 1);
    check_status(&d, id, "running");
    daemon_stop(&d);
}

TEST_MAIN
