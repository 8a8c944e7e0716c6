/* Sandboxes that end when nobody holds their lease any more. Restarts are in e2e/test_restart.c. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"

/* A connection that holds it; "/lease" of either family. */
static int hold(const test_daemon *d, const char *path) {
    char head[512], got[1024];
    size_t size = 0;
    int fd = dial(d->socket);
    snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", path, d->key);
    send_text(fd, head);
    do {
        ssize_t n = read(fd, got + size, sizeof(got) - 1 - size);
        CHECK(n > 0);
        size += (size_t)n;
        got[size] = '\0';
    } while (!strstr(got, "\r\n\r\n\n"));
    CHECK(strncmp(got, "HTTP/1.1 200 ", 13) == 0);
    CHECK_CONTAINS(got, "Wrenn-Features: ");
    return fd;
}

TEST(a_lease_that_nobody_holds_ends_the_sandbox) {
    test_daemon d;
    char left[40], paused[40], held[40], free_one[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"lease_sec\":60}", left);
    make_sandbox(&d, "{\"lease_sec\":60}", paused);
    make_sandbox(&d, "{\"lease_sec\":60}", held);
    make_sandbox(&d, "{\"lease_sec\":-1}", free_one);
    int holder = hold(&d, sandbox_path(held, "/lease"));
    CHECK_STATUS(call(&d, "POST", sandbox_path(paused, "/pause"), NULL), 200);
    reply r = call(&d, "GET", sandbox_path(held, ""), NULL);
    CHECK_INT(number(&r, "lease_sec"), 60);
    reply_free(&r);
    r = call(&d, "GET", sandbox_path(free_one, ""), NULL);
    CHECK(!wrn_json_has(r.json, "lease_sec"));
    reply_free(&r);
    daemon_pass(&d, 50);
    check_status(&d, left, "running");
    daemon_pass(&d, 11);
    wait_status(&d, left, "stopped");
    wait_status(&d, paused, "stopped");
    check_status(&d, held, "running");
    daemon_pass(&d, 100000);
    check_status(&d, held, "running");
    check_status(&d, free_one, "running");
    CHECK_STATUS(call(&d, "POST", sandbox_path(held, "/ping"), NULL), 204); /* use holds nothing */
    close(holder);
    CHECK_STATUS(call(&d, "POST", sandbox_path(held, "/pause"), NULL), 200);
    daemon_pass(&d, 58);
    check_status(&d, held, "paused");
    daemon_pass(&d, 4);
    wait_status(&d, held, "stopped");
    daemon_stop(&d);
}

TEST(the_last_of_several_holders_counts) {
    test_daemon d;
    char id[40], capsule[80];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"lease_sec\":60}", id);
    snprintf(capsule, sizeof(capsule), "/v1/capsules/%s/lease", id);
    int first = hold(&d, sandbox_path(id, "/lease")), second = hold(&d, capsule);
    close(first);
    daemon_pass(&d, 600);
    check_status(&d, id, "running");
    close(second);
    daemon_pass(&d, 30);
    first = hold(&d, capsule); /* somebody is back in time */
    daemon_pass(&d, 600);
    check_status(&d, id, "running");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    expect_eof(first); /* whoever holds it is told */
    CHECK_ERROR(call(&d, "GET", capsule, NULL), 409, "invalid_state");
    daemon_stop(&d);
}

TEST(a_real_second_is_enough) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"lease_sec\":1}", id);
    close(hold(&d, sandbox_path(id, "/lease")));
    wait_status(&d, id, "stopped");
    daemon_stop(&d);
}

TEST(leases_that_make_no_sense_are_refused) {
    static const char *const bad[] = {"{\"lease_sec\":\"1\"}", "{\"lease_sec\":1.5}", "{\"lease_sec\":2147483648}"};
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    for (size_t i = 0; i < WRN_COUNT(bad); i++)
        CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", bad[i]), 400, "invalid_request");
    make_sandbox(&d, "{\"lease_sec\":0}", id);
    reply r = call(&d, "GET", sandbox_path(id, "/lease"), NULL);
    CHECK_INT(r.status, 400);
    CHECK_CONTAINS(error_message(&r), "has no lease");
    reply_free(&r);
    CHECK_ERROR(call(&d, "GET", "/v1/sandboxes/cl-0123456789abcdefghijklmno/lease", NULL), 404, "not_found");
    CHECK_ERROR(call(&d, "GET", "/v1/sandboxes/x/lease", NULL), 400, "invalid_request");
    CHECK_ERROR(request(&d, "GET", sandbox_path(id, "/lease"), NULL, NULL), 401, "unauthorized");
    daemon_stop(&d);
}

TEST_MAIN
