/* Sandboxes whose end is known when they are made. Restarts are in e2e/test_restart.c. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"

static reply set_lifetime(const test_daemon *d, const char *id, const char *body) {
    return call(d, "POST", sandbox_path(id, "/lifetime"), body);
}

static void check_lifetime(reply r, int64_t seconds) {
    CHECK_INT(r.status, 200);
    CHECK_INT(number(&r, "lifetime_sec"), seconds);
    CHECK(member(&r, "expires_at") && strcmp(member(&r, "expires_at"), member(&r, "created_at")) > 0);
    reply_free(&r);
}

static void check_endless(reply r) {
    CHECK(r.status == 200 && r.json);
    CHECK(!wrn_json_has(r.json, "lifetime_sec") && !wrn_json_has(r.json, "expires_at"));
    reply_free(&r);
}

TEST(a_lifetime_ends_whatever_the_sandbox_does) {
    test_daemon d;
    char running[40], paused[40], idle[40], endless[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"lifetime_sec\":7200}", running);
    make_sandbox(&d, "{\"lifetime_sec\":7200}", paused);
    make_sandbox(&d, "{\"lifetime_sec\":7200,\"timeout_sec\":60}", idle);
    make_sandbox(&d, "{\"lifetime_sec\":-5}", endless);
    CHECK_STATUS(call(&d, "POST", sandbox_path(paused, "/pause"), NULL), 200);
    check_lifetime(call(&d, "GET", sandbox_path(running, ""), NULL), 7200);
    check_endless(call(&d, "GET", sandbox_path(endless, ""), NULL));
    daemon_pass(&d, 7000);
    check_status(&d, running, "running");
    check_status(&d, paused, "paused");
    wait_status(&d, idle, "paused");
    CHECK_STATUS(call(&d, "POST", sandbox_path(running, "/ping"), NULL), 204); /* use does not prolong it */
    daemon_pass(&d, 202);
    wait_status(&d, running, "stopped");
    wait_status(&d, paused, "stopped");
    wait_status(&d, idle, "stopped");
    check_lifetime(call(&d, "GET", sandbox_path(running, ""), NULL), 7200);
    check_status(&d, endless, "running");
    daemon_stop(&d);
}

TEST(a_real_second_is_enough) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"lifetime_sec\":1}", id);
    wait_status(&d, id, "stopped");
    daemon_stop(&d);
}

TEST(a_lifetime_can_be_renewed_ended_and_begun) {
    test_daemon d;
    char renewed[40], freed[40], late[40], capsule[80];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"lifetime_sec\":100}", renewed);
    make_sandbox(&d, "{\"lifetime_sec\":100}", freed);
    make_sandbox(&d, "{}", late);
    daemon_pass(&d, 90);
    CHECK_STATUS(call(&d, "POST", sandbox_path(renewed, "/pause"), NULL), 200);
    check_lifetime(set_lifetime(&d, renewed, "{\"lifetime_sec\":500}"), 500);
    check_lifetime(call(&d, "GET", sandbox_path(renewed, ""), NULL), 500);
    check_endless(set_lifetime(&d, freed, "{\"lifetime_sec\":0}"));
    snprintf(capsule, sizeof(capsule), "/v1/capsules/%s/lifetime", late);
    check_lifetime(call(&d, "POST", capsule, "{\"lifetime_sec\":2147483647}"), 2147483647);
    check_lifetime(set_lifetime(&d, late, "{\"lifetime_sec\":50}"), 50); /* shorter is fine too */
    daemon_pass(&d, 400);
    wait_status(&d, late, "stopped");
    check_status(&d, renewed, "paused");
    daemon_pass(&d, 102);
    wait_status(&d, renewed, "stopped");
    check_status(&d, freed, "running");
    CHECK_ERROR(set_lifetime(&d, renewed, "{\"lifetime_sec\":500}"), 409, "invalid_state");
    daemon_stop(&d);
}

TEST(malformed_lifetimes_are_refused) {
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"lifetime_sec\":null}",
                                      "{\"lifetime_sec\":\"1\"}",
                                      "{\"lifetime_sec\":1.5}",
                                      "{\"lifetime_sec\":2147483648}",
                                      "{\"lifetime_sec\":1e99}"};
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    for (size_t i = 0; i < WRN_COUNT(bad); i++) {
        CHECK_ERROR(set_lifetime(&d, id, bad[i]), 400, "invalid_request");
        if (i > 3) CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", bad[i]), 400, "invalid_request");
    }
    check_endless(call(&d, "GET", sandbox_path(id, ""), NULL));
    CHECK_ERROR(set_lifetime(&d, "cl-0123456789abcdefghijklmno", "{\"lifetime_sec\":1}"), 404, "not_found");
    CHECK_ERROR(set_lifetime(&d, "cl-x", "{\"lifetime_sec\":1}"), 400, "invalid_request");
    daemon_stop(&d);
}

/* It counts from the request, and whoever waits for the sandbox is told of it first. */
TEST(one_that_is_not_made_yet_is_destroyed_then) {
    test_daemon d;
    char head[512], id[40] = "";
    static const char body[] = "{\"template\":\"gated\",\"lifetime_sec\":60}";
    daemon_start(&d, NULL);
    snprintf(head, sizeof(head),
             "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n%s", d.key,
             strlen(body), body);
    int making = dial(d.socket);
    send_text(making, head);
    while (!*id) {
        reply r = call(&d, "GET", "/v1/sandboxes", NULL);
        const wrn_json *first = wrn_json_at(r.json, 0);
        if (first) snprintf(id, sizeof(id), "%s", wrn_json_string(wrn_json_get(first, "id"), NULL));
        reply_free(&r);
    }
    daemon_pass(&d, 62);
    check_status(&d, id, "pending");
    CHECK_ERROR(set_lifetime(&d, id, "{\"lifetime_sec\":60}"), 409, "invalid_state");
    kill(d.pid, SIGUSR1);
    CHECK_STATUS(read_reply(making), 201);
    wait_status(&d, id, "stopped");
    close(making);
    daemon_stop(&d);
}

TEST(events_tell_that_the_time_was_up) {
    test_daemon d;
    char head[1200], id[40];
    wrn_buf got = WRN_BUF_INIT;
    daemon_start(&d, NULL);
    int fd = dial(d.socket);
    snprintf(head, sizeof(head), "GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", d.key);
    send_text(fd, head);
    make_sandbox(&d, "{\"lifetime_sec\":1}", id);
    wait_status(&d, id, "stopped");
    daemon_stop(&d);
    read_end(fd, &got);
    const char *destroyed = strstr(got.data, "\"event\":\"capsule.destroy\"");
    CHECK_MSG(destroyed != NULL, "%s", got.data);
    CHECK_CONTAINS(got.data, "\"ttl_expired\"");
    CHECK(!strstr(destroyed + 1, "\"event\":\"capsule.destroy\""));
    wrn_buf_free(&got);
}

TEST_MAIN
