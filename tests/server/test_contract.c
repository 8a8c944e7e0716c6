/* Each route on both path families, so that conformance.py sees every success that api/openapi.yaml promises. What the
 * answers hold is for the other programs. Files are in e2e: only real sandboxes have some. */
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

static const char *const families[] = {"/v1/sandboxes", "/v1/capsules"};

static const char *path_of(size_t family, const char *id, const char *rest) {
    static char paths[4][200];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s%s%s%s", families[family], *id ? "/" : "", id, rest);
    return path;
}

TEST(sandboxes) {
    static const struct {
        const char *method, *rest, *body;
        int status;
    } steps[] = {
        {"GET", "", NULL, 200},
        {"POST", "/ping", NULL, 204},
        {"GET", "/metrics", NULL, 200},
        {"POST", "/exec", "{\"cmd\":\"echo\"}", 200},
        {"POST", "/exec", "{\"cmd\":\"wait\",\"background\":true,\"tag\":\"t\"}", 202},
        {"GET", "/processes", NULL, 200},
        {"DELETE", "/processes/t", NULL, 204},
        {"POST", "/pause", NULL, 200},
        {"POST", "/resume", NULL, 200},
        {"DELETE", "", NULL, 204},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t f = 0; f < 2; f++) {
        CHECK_STATUS(call(&d, "GET", path_of(f, "", "/stats"), NULL), 200);
        CHECK_STATUS(call(&d, "GET", path_of(f, "", "/usage"), NULL), 200);
        reply made = call(&d, "POST", path_of(f, "", ""), "{}");
        CHECK_INT(made.status, 201);
        CHECK_STATUS(call(&d, "GET", path_of(f, "", ""), NULL), 200);
        for (size_t i = 0; i < WRN_COUNT(steps); i++) {
            reply r = call(&d, steps[i].method, path_of(f, member(&made, "id"), steps[i].rest), steps[i].body);
            CHECK_MSG(r.status == steps[i].status, "%s %s: %d %s", steps[i].method, steps[i].rest, r.status, r.body);
            reply_free(&r);
        }
        reply_free(&made);
    }
    daemon_stop(&d);
}

TEST(websockets) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40], rest[64];
    make_sandbox(&d, "{}", id);
    for (size_t f = 0; f < 2; f++) {
        int fd = peer_open(&d, path_of(f, id, "/exec/stream"), "");
        peer_say(fd, "{\"type\":\"start\",\"cmd\":\"warn\",\"args\":[\"x\"]}");
        wrn_json_free(peer_expect(fd, "start"));
        wrn_json_free(peer_expect(fd, "stderr"));
        wrn_json_free(peer_expect(fd, "exit"));
        CHECK_INT(peer_close_code(fd), 1000);
        fd = peer_open(&d, path_of(f, id, "/exec/stream"), "");
        peer_say(fd, "{\"type\":\"start\",\"cmd\":\"echo\",\"args\":[\"x\"]}");
        wrn_json_free(peer_expect(fd, "stdout"));
        CHECK_INT(peer_close_code(fd), 1000);
        int terminal = peer_open(&d, path_of(f, id, "/pty"), "");
        peer_say(terminal, "{\"type\":\"start\",\"cmd\":\"cat\"}");
        wrn_json *started = peer_expect(terminal, "started");
        snprintf(rest, sizeof(rest), "/processes/%s/stream", wrn_json_string(wrn_json_get(started, "tag"), NULL));
        wrn_json_free(started);
        fd = peer_open(&d, path_of(f, id, rest), "");
        wrn_json_free(peer_expect(fd, "start"));
        peer_say(terminal, "{\"type\":\"input\",\"data\":\"aGk=\"}");
        wrn_json_free(peer_expect(terminal, "output"));
        wrn_json_free(peer_expect(fd, "stdout"));
        daemon_pass(&d, 31);
        wrn_json_free(peer_expect(terminal, "ping"));
        peer_say(terminal, "{\"type\":\"kill\"}");
        wrn_json_free(peer_expect(terminal, "exit"));
        CHECK_INT(peer_close_code(terminal), 1000);
        CHECK_INT(peer_close_code(fd), 1000);
    }
    daemon_stop(&d);
}

TEST(processes_that_are_watched) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    const char *wait = "{\"cmd\":\"wait\",\"background\":true,\"tag\":\"t\"}";
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), wait), 202);
    int fd = peer_open(&d, sandbox_path(id, "/processes/t/stream"), "");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, "/processes/t?signal=SIGTERM"), NULL), 204);
    wrn_json_free(peer_expect(fd, "stderr"));
    CHECK_INT(peer_close_code(fd), 1000);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), wait), 202);
    fd = peer_open(&d, sandbox_path(id, "/processes/t/stream"), "");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    wrn_json_free(peer_expect(fd, "error"));
    CHECK_INT(peer_close_code(fd), 1000);
    daemon_stop(&d);
}

static int64_t number_in(int fd, const char *type, const char *name) {
    int64_t value = -1;
    wrn_json *message = peer_expect(fd, type);
    wrn_json_int(wrn_json_get(message, name), &value);
    wrn_json_free(message);
    return value;
}

TEST(kept_output_of_processes) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"true\",\"background\":true,\"tag\":\"t\"}"),
                 202);
    for (int f = 0; f < 2; f++) {
        int fd = peer_open(&d, path_of(f, id, "/processes/t/logs?offset=3"), "");
        CHECK_INT(number_in(fd, "start", "offset"), 10);
        CHECK_INT(number_in(fd, "dropped", "bytes"), 7);
        wrn_json_free(peer_expect(fd, "stdout"));
        wrn_json_free(peer_expect(fd, "stderr"));
        wrn_json_free(peer_expect(fd, "end"));
        CHECK_INT(peer_close_code(fd), 1000);
        fd = peer_open(&d, path_of(f, id, "/processes/0/logs?tail=5&follow=1"), ""); /* what was started last */
        CHECK_INT(number_in(fd, "start", "offset"), 10);
        wrn_json_free(peer_expect(fd, "stdout"));
        wrn_json_free(peer_expect(fd, "stderr"));
        CHECK_INT(number_in(fd, "exit", "exit_code"), 3);
        CHECK_INT(peer_close_code(fd), 1000);
    }
    static const struct {
        const char *path;
        int status;
    } wrong[] = {{"/processes/t/logs?offset=-1", 400}, {"/processes/t/logs?tail=x", 400},
                 {"/processes/t/logs?follow=2", 400},  {"/processes/t/logs?offset=1&tail=1", 400},
                 {"/processes/u/logs", 404},           {"/processes/1/logs", 404}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char fields[300];
        snprintf(fields, sizeof(fields),
                 "X-API-Key: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                 d.key);
        int fd = dial(d.socket);
        CHECK_STATUS(peer_ask(fd, sandbox_path(id, wrong[i].path), fields), wrong[i].status);
        close(fd);
    }
    daemon_stop(&d);
}

TEST(background_programs_that_are_not_there) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    reply r = call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"nothing\",\"background\":true}");
    CHECK_INT(r.status, 400);
    CHECK_CONTAINS(r.body, "\"nothing: the program can't be run\"");
    CHECK_CONTAINS(r.body, "\"exit_code\":127");
    reply_free(&r);
    daemon_stop(&d);
}

TEST(ports_that_listen) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    static const struct {
        const char *path;
        int status;
        const char *says;
    } cases[] = {{"/ports/80", 200, "\"listening\":true"},    {"/ports/80?wait_sec=5", 200, "\"listening\":true"},
                 {"/ports/81", 200, "\"listening\":false"},   {"/ports/0", 400, "is not a port"},
                 {"/ports/65536", 400, "is not a port"},      {"/ports/80?wait_sec=-1", 400, "wait_sec"},
                 {"/ports/80?wait_sec=3601", 400, "wait_sec"}};
    for (int f = 0; f < 2; f++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
            reply r = call(&d, "GET", path_of(f, id, cases[i].path), NULL);
            CHECK_INT(r.status, cases[i].status);
            CHECK_CONTAINS(r.body, cases[i].says);
            reply_free(&r);
        }
    daemon_stop(&d);
}

TEST(signals_by_name_and_number) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"wait\",\"background\":true,\"tag\":\"t\"}"),
                 202);
    static const char *const known[] = {"HUP", "sigusr1", "SIGINT", "10", "64"};
    static const char *const unknown[] = {"SIGNONE", "0", "65", "-9", "SIG", "9x", "TERM%20"};
    char path[80];
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        snprintf(path, sizeof(path), "/processes/t?signal=%s", known[i]);
        CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, path), NULL), 204);
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
        snprintf(path, sizeof(path), "/processes/t?signal=%s", unknown[i]);
        reply r = call(&d, "DELETE", sandbox_path(id, path), NULL);
        CHECK_INT(r.status, 400);
        CHECK_CONTAINS(r.body, "HUP, INT, ");
        reply_free(&r);
    }
    daemon_stop(&d);
}

TEST(what_is_not_built_says_so_after_the_credentials) {
    static const struct {
        const char *method, *path;
        enum { ANYONE, USER, KEY } who;
    } cases[] = {
        {"GET", "/auth/oauth/x", ANYONE},
        {"GET", "/auth/oauth/x/callback", ANYONE},
        {"POST", "/v1/auth/switch-team", USER},
        {"POST", "/v1/auth/activate", ANYONE},
        {"GET", "/v1/me", USER},
        {"PATCH", "/v1/me", USER},
        {"DELETE", "/v1/me", USER},
        {"POST", "/v1/me/password", USER},
        {"POST", "/v1/me/password/reset", ANYONE},
        {"POST", "/v1/me/password/reset/confirm", ANYONE},
        {"DELETE", "/v1/me/providers/x", USER},
        {"GET", "/v1/teams", USER},
        {"POST", "/v1/teams", USER},
        {"GET", "/v1/teams/x", USER},
        {"PATCH", "/v1/teams/x", USER},
        {"DELETE", "/v1/teams/x", USER},
        {"GET", "/v1/teams/x/members", USER},
        {"POST", "/v1/teams/x/members", USER},
        {"PATCH", "/v1/teams/x/members/y", USER},
        {"DELETE", "/v1/teams/x/members/y", USER},
        {"POST", "/v1/teams/x/leave", USER},
        {"GET", "/v1/users/search", USER},
        {"GET", "/v1/channels/x", USER},
        {"GET", "/v1/audit-logs", USER},
        {"GET", "/v1/admin/x", USER},
        {"GET", "/v1/volumes/x", KEY},
        {"PATCH", "/v1/snapshots/x", KEY},
        {"POST", "/v1/hosts/sandbox-events", ANYONE},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    char bearer[1100], key[100];
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", d.token);
    snprintf(key, sizeof(key), "X-API-Key: %s", d.key);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        const char *method = cases[i].method, *path = cases[i].path;
        const char *who = cases[i].who == USER ? bearer : cases[i].who == KEY ? key : NULL;
        reply r = request(&d, method, path, who, NULL);
        CHECK_MSG(r.status == 501, "%s %s: %d %s", method, path, r.status, r.body);
        CHECK_STR(error_code(&r), "not_implemented");
        reply_free(&r);
        if (who) CHECK_ERROR(request(&d, method, path, NULL, NULL), 401, "unauthorized");
    }
    CHECK_ERROR(call(&d, "GET", "/v1/teams", NULL), 401, "unauthorized");
    daemon_stop(&d);
}

TEST_MAIN
