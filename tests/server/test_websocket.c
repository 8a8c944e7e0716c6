/* The server's side of RFC 6455 on real connections: frames nobody should send, and ends that do not behave. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "peer.h"

#define MASK "\0\0\0\0" /* changes nothing */
#define BYTES(text) (text), sizeof(text) - 1

static const char *pty_path(const char *id) { return sandbox_path(id, "/pty"); }

TEST(frames_that_break_the_rules) {
    static const struct {
        const char *bytes;
        size_t size;
        int code;
    } cases[] = {
        {BYTES("\x81\x02hi"), 1002},
        {BYTES("\x88\x00"), 1002},
        {BYTES("\x89\x00"), 1002},
        {BYTES("\xc1\x80" MASK), 1002},
        {BYTES("\xa1\x80" MASK), 1002},
        {BYTES("\x91\x80" MASK), 1002},
        {BYTES("\x83\x80" MASK), 1002},
        {BYTES("\x84\x80" MASK), 1002},
        {BYTES("\x87\x80" MASK), 1002},
        {BYTES("\x8b\x80" MASK), 1002},
        {BYTES("\x8f\x80" MASK), 1002},
        {BYTES("\x80\x80" MASK), 1002},
        {BYTES("\x00\x80" MASK), 1002},
        {BYTES("\x01\x81" MASK "a\x81\x81" MASK "b"), 1002},
        {BYTES("\x01\x81" MASK "a\x02\x81" MASK "b"), 1002},
        {BYTES("\x08\x80" MASK), 1002},
        {BYTES("\x09\x80" MASK), 1002},
        {BYTES("\x89\xfe\x00\x7e" MASK), 1002},
        {BYTES("\x88\xfe\x00\x7e" MASK), 1002},
        {BYTES("\x82\xfe\x00\x01" MASK "a"), 1002},
        {BYTES("\x82\xff\0\0\0\0\0\0\x00\x01" MASK "a"), 1002},
        {BYTES("\x82\xff\x80\0\0\0\0\0\0\0" MASK), 1002},
        {BYTES("\x82\xff\0\0\0\0\x10\0\0\0" MASK "a"), 1009},
        {BYTES("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK "a"), 1009},
        {BYTES("\x81\x82" MASK "\xc3\x28"), 1007},
        {BYTES("\x81\x82" MASK "\xc0\x80"), 1007},
        {BYTES("\x81\x83" MASK "\xed\xa0\x80"), 1007},
        {BYTES("\x81\x84" MASK "\xf4\x90\x80\x80"), 1007},
        {BYTES("\x81\x82" MASK "\xe2\x82"), 1007},
        {BYTES("\x01\x81" MASK "\xe2\x80\x81" MASK "\x28"), 1007},
        {BYTES("\x01\x81" MASK "\xe2\x80\x81" MASK "\x82"), 1007},
        {BYTES("\x88\x81" MASK "x"), 1002},
        {BYTES("\x88\x84" MASK "\x03\xe8\xc3\x28"), 1007},
        {BYTES("\x88\x80" MASK), 0},
        {BYTES("\x88\x82" MASK "\x03\xe8\x88\x82" MASK "\x03\xe9\x81\x82" MASK "{}"), 1000},
        {BYTES("\x88\x85" MASK "\x03\xe8"
               "bye"),
         1000},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        for (int cut = 0; cut < 2; cut++) { /* all at once, and byte by byte */
            int fd = peer_open(&d, pty_path(id), "");
            for (size_t at = 0; cut && at < cases[i].size; at++) send_bytes(fd, cases[i].bytes + at, 1);
            if (!cut) send_bytes(fd, cases[i].bytes, cases[i].size);
            int code = peer_close_code(fd);
            CHECK_MSG(code == cases[i].code, "case %zu gave %d, not %d", i, code, cases[i].code);
        }
    }
    daemon_stop(&d);
}

TEST(codes_of_close_frames) {
    static const int good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999};
    static const int bad[] = {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535};
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    for (size_t i = 0; i < WRN_COUNT(good) + WRN_COUNT(bad); i++) {
        bool is_good = i < WRN_COUNT(good);
        int code = is_good ? good[i] : bad[i - WRN_COUNT(good)], fd = peer_open(&d, pty_path(id), "");
        const char payload[2] = {(char)(code >> 8), (char)code};
        peer_send(fd, PEER_CLOSE, payload, 2);
        int answer = peer_close_code(fd);
        CHECK_MSG(answer == (is_good ? code : 1002), "%d was answered with %d", code, answer);
    }
    daemon_stop(&d);
}

/* The text of a "stdout" message, and the end after it. */
static void expect_echo(int fd, const char *want) {
    wrn_json *out = peer_expect(fd, "stdout");
    CHECK_STR(wrn_json_string(wrn_json_get(out, "data"), NULL), want);
    wrn_json_free(out);
    wrn_json_free(peer_expect(fd, "exit"));
    CHECK_INT(peer_close_code(fd), 1000);
}

static void expect_pong(int fd, const void *data, size_t size) {
    frame f = peer_read(fd);
    CHECK_INT(f.first, PEER_PONG);
    CHECK_MEM(f.data, f.size, data, size);
    free(f.data);
}

TEST(messages_in_fragments_with_pings_between) {
    static const char text[] =
        "{\"type\":\"start\",\"cmd\":\"echo\",\"args\":[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]}";
    static const char want[] = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n";
    size_t size = sizeof(text) - 1;
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    for (size_t i = 0; i <= size; i++) {
        int fd = peer_open(&d, sandbox_path(id, "/exec/stream"), "");
        peer_send(fd, 0x01, text, i);
        peer_send(fd, PEER_PING, text, i);
        peer_send(fd, PEER_PONG, "unasked", 7);
        peer_send(fd, 0x80, text + i, size - i);
        expect_pong(fd, text, i);
        expect_echo(fd, want);
    }
    int fd = peer_open(&d, sandbox_path(id, "/exec/stream"), "");
    for (size_t i = 0; i < size; i++) peer_send(fd, i ? 0x00 : 0x01, text + i, 1);
    peer_send(fd, 0x80, "", 0);
    expect_echo(fd, want);
    char payload[125];
    memset(payload, 0xff, sizeof(payload));
    fd = peer_open(&d, pty_path(id), "");
    peer_send(fd, PEER_PING, payload, sizeof(payload));
    expect_pong(fd, payload, sizeof(payload));
    close(fd);
    daemon_stop(&d);
}

TEST(a_message_of_many_fragments_has_a_limit) {
    static char block[65536];
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    int fd = peer_open(&d, pty_path(id), "");
    for (int i = 0; i < 70; i++) peer_send(fd, i ? 0x00 : 0x02, block, sizeof(block));
    CHECK_INT(peer_close_code(fd), 1009);
    daemon_stop(&d);
}

TEST(handshakes) {
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: " PEER_KEY "\r\n"
    static const struct {
        const char *line, *fields;
        int status;
    } cases[] = {
        {"GET %s HTTP/1.1", PEER_UPGRADE, 101},
        {"GET %s HTTP/1.1", "Upgrade: x, WebSocket\r\nConnection: keep-alive, UPGRADE\r\n" VERSION KEY, 101},
        {"GET %s HTTP/1.1", "Connection: upgrade\r\n" VERSION KEY, 400},
        {"GET %s HTTP/1.1", "Upgrade: websocket\r\n" VERSION KEY, 400},
        {"GET %s HTTP/1.1", "Upgrade: websockets\r\nConnection: upgrade\r\n" VERSION KEY, 400},
        {"GET %s HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\n" KEY, 426},
        {"GET %s HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 12\r\n" KEY, 426},
        {"GET %s HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13, 8\r\n" KEY, 426},
        {"GET %s HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\n" VERSION, 400},
        {"GET %s HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\n" VERSION "Sec-WebSocket-Key: x\r\n", 400},
        {"GET %s HTTP/1.1",
         "Upgrade: websocket\r\nConnection: upgrade\r\n" VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n",
         400},
        {"GET %s HTTP/1.1", PEER_UPGRADE KEY, 400},
        {"GET %s HTTP/1.0", PEER_UPGRADE, 400},
        {"POST %s HTTP/1.1", PEER_UPGRADE, 405},
        {"HEAD %s HTTP/1.1", PEER_UPGRADE, 405},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT, got = WRN_BUF_INIT;
        char line[128];
        snprintf(line, sizeof(line), cases[i].line, pty_path(id));
        wrn_buf_printf(&out, "%s\r\nHost: x\r\nX-API-Key: %s\r\n%s\r\n", line, d.key, cases[i].fields);
        int fd = dial(d.socket);
        send_bytes(fd, out.data, out.size);
        shutdown(fd, SHUT_WR);
        read_end(fd, &got);
        int status = got.size > 12 ? atoi(got.data + strlen("HTTP/1.1 ")) : 0;
        CHECK_MSG(status == cases[i].status, "case %zu: %s", i, got.data);
        if (status == 426) CHECK_CONTAINS(got.data, "\r\nSec-WebSocket-Version: 13\r\n");
        if (status == 426) CHECK_CONTAINS(got.data, "\r\nUpgrade: websocket\r\n");
    }
    daemon_stop(&d);
}

TEST(the_subprotocol_is_chosen_when_offered) {
    static const struct {
        const char *offer;
        bool chosen;
    } cases[] = {
        {"", false},
        {"Sec-WebSocket-Protocol: chat\r\n", false},
        {"Sec-WebSocket-Protocol: wrenn.bytes.v11, xwrenn.bytes.v1\r\n", false},
        {"Sec-WebSocket-Protocol: wrenn.bytes.v1\r\n", true},
        {"Sec-WebSocket-Protocol: chat , wrenn.bytes.v1,x\r\n", true},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        WRN_AUTO(wrn_buf_free) wrn_buf fields = WRN_BUF_INIT;
        wrn_buf_printf(&fields, PEER_UPGRADE "X-API-Key: %s\r\n%s", d.key, cases[i].offer);
        int fd = dial(d.socket);
        reply r = peer_ask(fd, sandbox_path(id, "/exec/stream"), fields.data);
        CHECK_INT(r.status, 101);
        bool chosen = strstr(r.head, "\r\nSec-WebSocket-Protocol: wrenn.bytes.v1\r\n");
        CHECK_MSG(chosen == cases[i].chosen && chosen == !!strstr(r.head, "-Protocol"), "case %zu: %s", i, r.head);
        reply_free(&r);
        peer_say(fd, "{\"type\":\"start\",\"cmd\":\"echo\",\"args\":[\"x\"]}");
        wrn_json_free(peer_expect(fd, "start"));
        frame f = peer_read(fd);
        CHECK_INT(f.first, chosen ? PEER_BINARY : PEER_TEXT);
        if (chosen) CHECK_MEM(f.data, f.size, "\1x\n", 3);
        free(f.data);
        CHECK_INT(peer_close_code(fd), 1000);
    }
    daemon_stop(&d);
}

/* ---- time ---- */

/* Upgraded without credentials. */
static int open_late(const test_daemon *d, const char *path) {
    int fd = dial(d->socket);
    CHECK_STATUS(peer_ask(fd, path, PEER_UPGRADE), 101);
    return fd;
}

static void expect_refusal(int fd, const char *part) {
    wrn_json *error = peer_expect(fd, "error");
    CHECK_CONTAINS(wrn_json_string(wrn_json_get(error, "data"), NULL), part);
    wrn_json_free(error);
    CHECK_INT(peer_close_code(fd), 1000);
}

TEST(credentials_in_the_first_message) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40], text[1200];
    make_sandbox(&d, "{}", id);
    const char *path = sandbox_path(id, "/exec/stream");
    snprintf(text, sizeof(text), "{\"type\":\"auth\",\"token\":\"%s\"}", d.token);
    int fd = open_late(&d, path);
    peer_say(fd, text);
    peer_say(fd, "{\"type\":\"start\",\"cmd\":\"echo\",\"args\":[\"x\"]}");
    expect_echo(fd, "x\n");
    static const char *const wrong[] = {"{\"type\":\"auth\",\"token\":\"x\"}",
                                        "{\"type\":\"auth\"}",
                                        "{\"token\":1}",
                                        "{\"type\":\"start\",\"cmd\":\"echo\"}",
                                        "[]",
                                        "x",
                                        ""};
    for (size_t i = 0; i < WRN_COUNT(wrong); i++) {
        fd = open_late(&d, path);
        peer_say(fd, wrong[i]);
        expect_refusal(fd, "authentication");
    }
    /* Five seconds for it, and none less. */
    fd = open_late(&d, path);
    int slow = open_late(&d, path);
    daemon_pass(&d, 4);
    peer_say(fd, text);
    peer_say(fd, "{\"type\":\"start\",\"cmd\":\"echo\",\"args\":[\"x\"]}");
    expect_echo(fd, "x\n");
    daemon_pass(&d, 2);
    expect_refusal(slow, "authentication");
    daemon_stop(&d);
}

TEST(idle_ones_are_pinged) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    int terminal = peer_open(&d, pty_path(id), ""), stream = peer_open(&d, sandbox_path(id, "/exec/stream"), "");
    peer_say(terminal, "{\"type\":\"start\",\"cmd\":\"cat\"}");
    wrn_json_free(peer_expect(terminal, "started"));
    for (int i = 0; i < 3; i++) {
        daemon_pass(&d, 31);
        frame f = peer_read(stream);
        CHECK_INT(f.first, PEER_PING);
        peer_send(stream, PEER_PONG, f.data, f.size);
        free(f.data);
        f = peer_read(terminal);
        CHECK_STR(f.data, "{\"type\":\"ping\"}");
        free(f.data);
    }
    close(stream);
    close(terminal);
    daemon_stop(&d);
}

/* ---- many, and slow ---- */

TEST(five_hundred_idle_ones) {
    enum { MANY = 500 };
    static int fds[MANY];
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    size_t before = daemon_peak_memory(&d);
    for (int i = 0; i < MANY; i++) fds[i] = peer_open(&d, pty_path(id), "");
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    CHECK(daemon_peak_memory(&d) < before + (size_t)MANY * 20000);
    for (int i = 0; i < MANY; i++) {
        peer_send(fds[i], PEER_PING, &i, sizeof(i));
        expect_pong(fds[i], &i, sizeof(i));
        if (i % 2) peer_send(fds[i], PEER_CLOSE, NULL, 0);
        if (i % 2) CHECK_INT(peer_close_code(fds[i]), 0);
        else close(fds[i]);
    }
    daemon_stop(&d);
}

TEST(one_that_never_reads) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    int fd = peer_open(&d, sandbox_path(id, "/exec/stream"), "");
    size_t before = daemon_peak_memory(&d);
    peer_say(fd, "{\"type\":\"start\",\"cmd\":\"flood\"}");
    for (int i = 0; i < 500; i++) CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    CHECK_MSG(daemon_peak_memory(&d) < before + (8 << 20), "%zu, then %zu bytes", before, daemon_peak_memory(&d));
    /* Its command goes with it. Each look passes time, as the sweep has to see twice that nothing moves. */
    for (bool runs = true; runs;) {
        daemon_pass(&d, 31);
        reply r = call(&d, "GET", sandbox_path(id, "/processes"), NULL);
        CHECK_INT(r.status, 200);
        runs = wrn_json_count(wrn_json_get(r.json, "processes")) > 0;
        reply_free(&r);
    }
    close(fd);
    daemon_stop(&d);
}

/* Sends the same bytes again and again, until the server has not read any for a while; how many it took. */
static size_t send_until_stuck(const test_daemon *d, int fd, const char *data, size_t size, size_t max) {
    size_t taken = 0;
    for (int stuck = 0; stuck < 3 && taken < max;) {
        ssize_t sent = send(fd, data + taken % size, size - taken % size, MSG_NOSIGNAL | MSG_DONTWAIT);
        stuck = sent > 0 ? 0 : stuck + 1;
        if (sent > 0) taken += (size_t)sent;
        else if (errno == EPIPE || errno == ECONNRESET) break;
        else CHECK_STATUS(request(d, "GET", "/health", NULL, NULL), 200); /* it has looked meanwhile */
    }
    return taken;
}

TEST(pings_of_one_that_never_reads) {
    enum { SIZE = 6 * 9000, MAX = 8 << 20 };
    static char pings[SIZE];
    for (size_t i = 0; i < SIZE; i += 6)
        memcpy(pings + i, "\x89\x80" MASK, 6); /* NOLINT(bugprone-not-null-terminated-result): a frame */
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    const char *path = sandbox_path(id, "/exec/stream");
    for (int known = 0; known < 2; known++) {
        size_t before = daemon_peak_memory(&d);
        int fd = known ? peer_open(&d, path, "") : open_late(&d, path);
        send_until_stuck(&d, fd, pings, SIZE, MAX);
        CHECK_MSG(daemon_peak_memory(&d) < before + (4 << 20), "%zu, then %zu bytes", before, daemon_peak_memory(&d));
        close(fd);
    }
    daemon_stop(&d);
}

/* Pieces of two bytes take much more than that. */
TEST(pings_one_by_one_of_one_that_never_reads) {
    enum { MAX = 300000 };
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    size_t before = daemon_peak_memory(&d);
    int fd = peer_open(&d, sandbox_path(id, "/exec/stream"), "");
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    send_until_stuck(&d, fd, "\x89\x80" MASK, 6, MAX);
    CHECK_MSG(daemon_peak_memory(&d) < before + (4 << 20), "%zu, then %zu bytes", before, daemon_peak_memory(&d));
    close(fd);
    daemon_stop(&d);
}

TEST(strangers_say_little) {
    static char text[20000];
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    memset(text, ' ', sizeof(text));
    int fd = open_late(&d, sandbox_path(id, "/exec/stream"));
    peer_send(fd, PEER_TEXT, text, sizeof(text));
    CHECK_INT(peer_close_code(fd), 1009);
    /* Nor in pieces that never end. */
    fd = open_late(&d, sandbox_path(id, "/exec/stream"));
    for (int i = 0; i < 3; i++) peer_send(fd, i ? 0x00 : 0x01, text, 10000);
    CHECK_INT(peer_close_code(fd), 1009);
    fd = peer_open(&d, pty_path(id), "");
    peer_send(fd, PEER_TEXT, text, sizeof(text));
    free(peer_read(fd).data); /* what it says to a first message of blanks */
    CHECK_INT(peer_close_code(fd), 1000);
    daemon_stop(&d);
}

/* What messages take comes out of the budget that all callers share: who wants more than is left is told to come again. */
TEST(messages_over_the_budget) {
    enum { SIZE = 3 << 20 };
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-held-mb", "2", NULL});
    char id[40], *text = calloc(1, SIZE);
    CHECK(text);
    make_sandbox(&d, "{}", id);
    for (int round = 0; round < 3; round++) { /* what it took is given back */
        int fd = peer_open(&d, pty_path(id), "");
        peer_say(fd, "{\"type\":\"start\",\"cmd\":\"cat\"}");
        wrn_json_free(peer_expect(fd, "started"));
        peer_send(fd, 0x02, text, SIZE);
        CHECK_INT(peer_close_code(fd), 1013);
    }
    free(text);
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    daemon_stop(&d);
}

/* What is typed into a terminal whose program does not read waits here. */
TEST(input_over_the_budget) {
    enum { SIZE = 240 * 1024, FIT = 3 };
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-held-mb", "1", NULL});
    char id[40], *text = calloc(1, SIZE);
    CHECK(text);
    make_sandbox(&d, "{}", id);
    for (int round = 0; round < 2; round++) { /* what they held is given back */
        int fds[FIT + 1];
        for (int i = 0; i <= FIT; i++) {
            fds[i] = peer_open(&d, pty_path(id), "");
            peer_say(fds[i], "{\"type\":\"start\",\"cmd\":\"deaf\"}");
            wrn_json_free(peer_expect(fds[i], "started"));
            peer_send(fds[i], PEER_BINARY, text, SIZE);
            peer_send(fds[i], PEER_PING, "a", 1);
            for (int first = 0; i < FIT && first != PEER_PONG;) {
                frame f = peer_read(fds[i]);
                first = f.first;
                free(f.data);
            }
        }
        CHECK_INT(peer_close_code(fds[FIT]), 1013);
        for (int i = 0; i < FIT; i++) {
            peer_send(fds[i], PEER_CLOSE, "\x03\xe8", 2);
            CHECK_INT(peer_close_code(fds[i]), 1000);
        }
    }
    free(text);
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    daemon_stop(&d);
}

TEST(a_message_in_crumbs) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    int fd = peer_open(&d, pty_path(id), "");
    for (int i = 0; i < 20000; i++) peer_send(fd, i ? 0x00 : 0x02, "x", 1);
    CHECK_INT(peer_close_code(fd), 1009);
    daemon_stop(&d);
}

/* Its pings come in faster than it reads the answers: the latest one counts. */
TEST(a_flood_of_pings_takes_no_memory) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    int fd = peer_open(&d, sandbox_path(id, "/exec/stream"), "");
    size_t before = daemon_peak_memory(&d);
    enum { ROUNDS = 200, PINGS = 10000, SIZE = 6 + 8 };
    static char pings[PINGS * SIZE];
    for (int i = 0; i < PINGS; i++)
        memcpy(pings + i * SIZE,
               "\x89\x88\0\0\0\0"
               "01234567",
               SIZE);
    for (int i = 0; i < ROUNDS; i++)
        for (size_t at = 0, size = sizeof(pings); at < size;) {
            ssize_t sent = send(fd, pings + at, size - at, MSG_NOSIGNAL);
            CHECK(sent > 0);
            at += (size_t)sent;
        }
    peer_send(fd, PEER_PING, "last", 4);
    CHECK_MSG(daemon_peak_memory(&d) < before + (8 << 20), "%zu, then %zu bytes", before, daemon_peak_memory(&d));
    for (bool last = false; !last;) {
        frame f = peer_read(fd);
        last = f.first == PEER_PONG && f.size == 4 && memcmp(f.data, "last", 4) == 0;
        free(f.data);
    }
    close(fd);
    daemon_stop(&d);
}

/* ---- as the platform does it ---- */

static const char *capsule_path(const char *id, const char *rest) {
    static char path[200];
    snprintf(path, sizeof(path), "/v1/capsules/%s%s", id, rest);
    return path;
}

static void expect_error(int fd, const char *data, const char *code, bool fatal) {
    wrn_json *error = peer_expect(fd, "error");
    bool is_fatal = false;
    CHECK_STR(wrn_json_string(wrn_json_get(error, "data"), NULL), data);
    CHECK_STR(wrn_json_string(wrn_json_get(error, "code"), NULL), code);
    wrn_json_bool(wrn_json_get(error, "fatal"), &is_fatal);
    CHECK_INT(is_fatal, fatal);
    wrn_json_free(error);
    CHECK_INT(peer_close_code(fd), 1000);
}

TEST(errors_of_capsules_are_messages) {
    static const char *const sockets[] = {"/exec/stream", "/pty", "/processes/x/stream"};
    static const char unknown[] = "cl-0000000000000000000000000";
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    for (size_t i = 0; i < WRN_COUNT(sockets); i++) {
        bool pty = i == 1;
        int fd = peer_open(&d, capsule_path(unknown, sockets[i]), "");
        expect_error(fd, "sandbox not found", "not_found", pty);
        fd = peer_open(&d, capsule_path(id, sockets[i]), "");
        expect_error(fd, "sandbox is not running (status: paused)", "invalid_state", pty);
        /* Only what is no id at all is not even begun. */
        fd = dial(d.socket);
        char fields[300];
        snprintf(fields, sizeof(fields), PEER_UPGRADE "X-API-Key: %s\r\n", d.key);
        CHECK_STATUS(peer_ask(fd, capsule_path("x", sockets[i]), fields), 400);
        close(fd);
        /* Wrong credentials are as good as none. */
        static const char *const wrong[] = {"X-API-Key: wrn_00000000000000000000000000000000\r\n",
                                            "Authorization: Bearer x\r\n"};
        for (size_t j = 0; j < WRN_COUNT(wrong); j++) {
            snprintf(fields, sizeof(fields), PEER_UPGRADE "%s", wrong[j]);
            fd = dial(d.socket);
            CHECK_STATUS(peer_ask(fd, capsule_path(id, sockets[i]), fields), 101);
            peer_say(fd, "{\"type\":\"start\",\"cmd\":\"echo\"}");
            expect_error(fd, "authentication failed", "unauthorized", pty);
            fd = dial(d.socket);
            CHECK_STATUS(peer_ask(fd, sandbox_path(id, sockets[i]), fields), 401);
            close(fd);
        }
    }
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 200);
    int fd = peer_open(&d, capsule_path(id, "/exec/stream"), "");
    peer_say(fd, "{\"type\":\"start\",\"cmd\":\"echo\",\"args\":[\"x\"]}");
    expect_echo(fd, "x\n");
    daemon_stop(&d);
}

TEST(terminals_let_the_client_close_first) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    for (int closes = 0; closes < 2; closes++) {
        int fd = peer_open(&d, pty_path(id), "");
        peer_say(fd, "{\"type\":\"start\",\"cmd\":\"exit\",\"args\":[\"3\"]}");
        wrn_json_free(peer_expect(fd, "exit"));
        /* Whatever it still says makes no difference. */
        peer_say(fd, "{\"type\":\"resize\",\"cols\":1,\"rows\":1}");
        peer_say(fd, "{\"type\":\"kill\"}");
        peer_send(fd, PEER_BINARY, "x", 1);
        peer_send(fd, PEER_PING, "x", 1);
        frame f = peer_read(fd); /* so it is not closed yet */
        CHECK_INT(f.first, PEER_PONG);
        free(f.data);
        if (closes) peer_send(fd, PEER_CLOSE, "\x03\xe8", 2);
        else daemon_pass(&d, 2);
        CHECK_INT(peer_close_code(fd), 1000);
    }
    daemon_stop(&d);
}

TEST(terminals_remember_that_binary_is_spoken) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40], connect[100];
    make_sandbox(&d, "{}", id);
    int fd = peer_open(&d, pty_path(id), "");
    peer_say(fd, "{\"type\":\"start\",\"cmd\":\"cat\"}");
    wrn_json *started = peer_expect(fd, "started");
    snprintf(connect, sizeof(connect), "{\"type\":\"connect\",\"tag\":\"%s\"}",
             wrn_json_string(wrn_json_get(started, "tag"), NULL));
    wrn_json_free(started);
    /* Longer than a first message may be. */
    enum { SIZE = 5 << 20 };
    static char text[SIZE];
    memset(text, 'a', SIZE);
    peer_send(fd, PEER_BINARY, text, SIZE);
    for (size_t have = 0; have < SIZE;) {
        frame f = peer_read(fd);
        CHECK_INT(f.first, PEER_BINARY);
        have += f.size;
        free(f.data);
    }
    close(fd);
    fd = peer_open(&d, pty_path(id), "");
    peer_say(fd, connect);
    frame f = peer_read(fd);
    CHECK_INT(f.first, PEER_BINARY);
    CHECK(f.size && f.data[0] == 'a');
    free(f.data);
    close(fd);
    daemon_stop(&d);
}

TEST(the_end_of_the_server_is_said) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    int fd = peer_open(&d, pty_path(id), "");
    close(d.lifeline);
    CHECK_INT(peer_close_code(fd), 1001);
    CHECK_INT(daemon_wait(d.pid), 0);
}

TEST_MAIN
