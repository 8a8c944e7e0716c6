/* Boxes that are made ahead of their use (--vm-pool). Making a "gated" one waits for a signal, so that a create that is answered
 * without one had a box that was there. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "daemon.h"

enum { TURNS = 6 }; /* of the loop, for all that is under way */

static void settle(const test_daemon *d) {
    for (int i = 0; i < TURNS; i++) CHECK_STATUS(call(d, "GET", "/v1/sandboxes", NULL), 200);
}

static void let_through(const test_daemon *d) {
    settle(d);
    kill(d->pid, SIGUSR1);
    settle(d);
}

/* With an idempotency key, as libwrenn does it. */
static int begin_create(const test_daemon *d, const char *body) {
    static int count;
    char text[400];
    int fd = dial(d->socket);
    snprintf(text, sizeof(text),
             "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nIdempotency-Key: %d\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             d->key, ++count, strlen(body), body);
    send_text(fd, text);
    return fd;
}

/* One that is not in the pool. */
static void make_slowly(const test_daemon *d, const char *body) {
    int fd = begin_create(d, body);
    settle(d);
    CHECK_INT(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0), 0);
    let_through(d);
    reply r = read_reply(fd);
    CHECK_MSG(r.status == 201, "%s", r.body);
    reply_free(&r);
    close(fd);
}

static size_t count_sandboxes(const test_daemon *d) {
    reply r = call(d, "GET", "/v1/sandboxes", NULL);
    size_t count = wrn_json_count(r.json);
    reply_free(&r);
    return count;
}

#define GATED "{\"template\":\"gated\",\"memory_mb\":400}"

TEST(a_create_takes_what_is_in_the_pool) {
    test_daemon d;
    char ids[3][40];
    daemon_start(&d, (const char *[]){"--vm-pool", "2", NULL});
    make_slowly(&d, GATED);
    for (int i = 0; i < 2; i++) let_through(&d);
    CHECK_INT(count_sandboxes(&d), 1);
    make_sandbox(&d, "{\"template\":\"gated\",\"memory_mb\":400,\"metadata\":{\"name\":\"one\"}}", ids[0]);
    int fd = begin_create(&d, GATED);
    reply r = read_reply(fd);
    snprintf(ids[1], sizeof(ids[1]), "%s", member(&r, "id"));
    reply_free(&r);
    close(fd);
    CHECK(strcmp(ids[0], ids[1]) != 0);
    CHECK_INT(count_sandboxes(&d), 3);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(ids[0], ""), NULL), 204);
    for (int i = 0; i < 2; i++) let_through(&d);
    make_sandbox(&d, GATED, ids[2]);
    check_status(&d, ids[2], "running");
    CHECK_STATUS(call(&d, "POST", sandbox_path(ids[2], "/exec"), "{\"cmd\":\"die\"}"), 200);
    wait_status(&d, ids[2], "stopped");
    daemon_stop(&d); /* with spares, and one that is being made */
}

/* Nobody is refused because of them, and they are not made where there is no room. */
TEST(spares_make_room_for_sandboxes) {
    test_daemon d;
    char id[40];
    daemon_start(&d, (const char *[]){"--vm-pool", "4", "--max-memory-mb", "1000", NULL});
    make_slowly(&d, GATED);
    for (int i = 0; i < 2; i++) let_through(&d);
    make_sandbox(&d, "{\"memory_mb\":600}", id);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"memory_mb\":8}"), 503, "no_hosts_available");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    make_slowly(&d, GATED);
    make_sandbox(&d, "{\"memory_mb\":200}", id);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"memory_mb\":8}"), 503, "no_hosts_available");
    daemon_stop(&d);
}

/* The pool has what was used last; what was used before that, it has while there is room. */
TEST(the_pool_follows_use) {
    test_daemon d;
    char id[40];
    daemon_start(&d, (const char *[]){"--vm-pool", "1", NULL});
    make_slowly(&d, GATED);
    let_through(&d);
    make_sandbox(&d, "{\"template\":\"minimal\"}", id);
    let_through(&d);
    make_slowly(&d, GATED); /* its spare had to go */
    let_through(&d);
    make_sandbox(&d, GATED, id);
    daemon_stop(&d);
}

/* A machine can't be given a network that was made without one, nor the other way round. */
TEST(spares_have_a_network_or_none_as_sandboxes_have) {
    static const char with_network[] =
        "{\"template\":\"gated\",\"memory_mb\":400,\"network\":{\"allow\":[\"a.example\"]}}";
    test_daemon d;
    char id[40];
    daemon_start(&d, (const char *[]){"--vm-pool", "1", NULL});
    make_slowly(&d, with_network);
    let_through(&d);
    make_sandbox(&d, with_network, id);
    let_through(&d);
    make_slowly(&d, GATED);
    let_through(&d);
    make_sandbox(&d, GATED, id);
    let_through(&d);
    make_slowly(&d, with_network);
    daemon_stop(&d);
}

/* Freezing one fails, and it is not tried again at once. */
TEST(without_a_pool_sandboxes_are_made_as_ever) {
    test_daemon d;
    char id[40];
    daemon_start(&d, (const char *[]){"--vm-pool", "1", NULL});
    for (int i = 0; i < 3; i++) make_sandbox(&d, "{\"template\":\"unpausable\"}", id);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"broken\"}"), 502, "agent_error");
    CHECK_INT(count_sandboxes(&d), 3);
    daemon_stop(&d);
}

TEST_MAIN
