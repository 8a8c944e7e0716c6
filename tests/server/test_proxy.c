/* The port proxy between raw bytes on both sides: the test is the client, and the program in the sandbox too, for the fake
 * backend connects to the ports of this machine. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "peer.h"

typedef struct setup {
    test_daemon d;
    char id[40], host[100]; /* the Host field's value */
    int listener, port;
} setup;

static void open_listener(setup *s) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(where);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(s->listener, (struct sockaddr *)&where, size) == 0 && listen(s->listener, 64) == 0);
    CHECK(getsockname(s->listener, (struct sockaddr *)&where, &size) == 0);
    s->port = ntohs(where.sin_port);
}

static void set_up(setup *s) {
    open_listener(s);
    daemon_start(&s->d, (const char *[]){"--linger-timeout-ms", "50", NULL});
    make_sandbox(&s->d, "{}", s->id);
    snprintf(s->host, sizeof(s->host), "%d-%s.localhost:8080", s->port, s->id);
}

static void tear_down(setup *s) {
    close(s->listener);
    daemon_stop(&s->d);
}

static int ask(const setup *s, const char *line, const char *fields) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_buf_printf(&out, "%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", line, s->host, fields);
    int fd = dial(s->d.socket);
    send_bytes(fd, out.data, out.size);
    return fd;
}

/* The guest's end: the next connection, and the head that comes on it. */
static int take(const setup *s, wrn_buf *head) {
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(fd >= 0);
    char c;
    while (head->size < 4 || memcmp(head->data + head->size - 4, "\r\n\r\n", 4) != 0) {
        CHECK(read(fd, &c, 1) == 1);
        wrn_buf_putc(head, c);
    }
    return fd;
}

static int take_any(const setup *s) {
    WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT;
    return take(s, &head);
}

static bool ends_with(const wrn_buf *text, const char *end) {
    size_t size = strlen(end), have = text->size;
    return have >= size && memcmp(text->data + have - size, end, size) == 0;
}

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

TEST(hostile_answers) {
    /* `end`: how what the client gets ends; NULL: it must not look whole. */
    static const struct {
        const char *answer;
        int status;
        const char *end;
    } cases[] = {
        {OK_HEAD "Content-Length: 2\r\n\r\nhi", 200, "\r\n\r\nhi"},
        {OK_HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 200, "\r\n\r\nhi"},
        {OK_HEAD "\r\nup to the end", 200, "0\r\n\r\n"},
        {"HTTP/1.0 200 OK\n\nbare", 200, "0\r\n\r\n"},
        {CHUNKED "2\r\nhi\r\n0\r\nX: y\r\n\r\n", 200, "\r\n2\r\nhi\r\n0\r\n\r\n"},
        {CHUNKED "2;a=b\r\nhi\r\n0\r\n\r\n", 200, "\r\n2\r\nhi\r\n0\r\n\r\n"},
        {"HTTP/1.1 103 Hints\r\nA: b\r\n\r\n" OK_HEAD "Content-Length: 2\r\n\r\nhi", 200, "\r\n\r\nhi"},
        {"HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\nhello", 204, "\r\n\r\n"},
        /* More than was promised stays out. */
        {OK_HEAD "Content-Length: 2\r\n\r\nhi" OK_HEAD "\r\nsmuggled", 200, "\r\n\r\nhi"},
        {CHUNKED "2\r\nhi\r\n0\r\n\r\n" OK_HEAD "\r\nsmuggled", 200, "\r\n2\r\nhi\r\n0\r\n\r\n"},
        /* Not HTTP. */
        {"", 502, "\n"},
        {"hello\n", 502, "\n"},
        {"HTTP/1.1 20\r\n\r\n", 502, "\n"},
        {"HTTP/1.1 2000 OK\r\n\r\n", 502, "\n"},
        {"HTTP/1.1 +20 OK\r\n\r\n", 502, "\n"},
        {"HTTP/1.1 099 OK\r\n\r\n", 502, "\n"},
        {"HTTP/1.1  200 OK\r\n\r\n", 502, "\n"},
        {"HTTP/2 200 OK\r\n\r\n", 502, "\n"},
        {"ICY 200 OK\r\n\r\n", 502, "\n"},
        {"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 502, "\n"},
        {"HTTP/1.1 100 Continue\r\n\r\n", 502, "\n"},
        /* Framing that others may understand otherwise. */
        {OK_HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502, "\n"},
        {OK_HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", 502, "\n"},
        {OK_HEAD "Content-Length: 2, 2\r\n\r\nhi", 502, "\n"},
        {OK_HEAD "Content-Length: +2\r\n\r\nhi", 502, "\n"},
        {OK_HEAD "Content-Length: 0x2\r\n\r\nhi", 502, "\n"},
        {OK_HEAD "Content-Length: -2\r\n\r\nhi", 502, "\n"},
        {OK_HEAD "Content-Length:\r\n\r\nhi", 502, "\n"},
        {OK_HEAD "Content-Length: 99999999999999999999\r\n\r\nhi", 502, "\n"},
        {OK_HEAD "Transfer-Encoding: gzip\r\n\r\nhi", 502, "\n"},
        {OK_HEAD "Transfer-Encoding: chunked, gzip\r\n\r\nhi", 502, "\n"},
        {OK_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502, "\n"},
        /* Heads that would become several. */
        {OK_HEAD "A: b\rSet-Cookie: c\r\n\r\n", 502, "\n"},
        {OK_HEAD "A b: c\r\n\r\n", 502, "\n"},
        {OK_HEAD "A : c\r\n\r\n", 502, "\n"},
        {OK_HEAD ": c\r\n\r\n", 502, "\n"},
        {OK_HEAD "no colon\r\n\r\n", 502, "\n"},
        {OK_HEAD "A: b\r\n folded: c\r\n\r\n", 502, "\n"},
        {OK_HEAD "A: \x01\r\n\r\n", 502, "\n"},
        {"HTTP/1.1 200 O\rK\r\n\r\n", 502, "\n"},
        {OK_HEAD "A: b\r\n", 502, "\n"},
        /* Bodies that break off. */
        {OK_HEAD "Content-Length: 5\r\n\r\nhi", 200, NULL},
        {CHUNKED, 200, NULL},
        {CHUNKED "5\r\nhi", 200, NULL},
        {CHUNKED "2\r\nhi\r\n", 200, NULL},
        {CHUNKED "2\r\nhi\r\n0\r\n", 200, NULL},
        {CHUNKED "2\r\nhi\r\n\r\n", 200, NULL},
        {CHUNKED "2\r\nhiX\r\n0\r\n\r\n", 200, NULL},
        {CHUNKED "zz\r\nhi\r\n0\r\n\r\n", 200, NULL},
        {CHUNKED "-2\r\nhi\r\n0\r\n\r\n", 200, NULL},
        {CHUNKED "0x2\r\nhi\r\n0\r\n\r\n", 200, NULL},
        {CHUNKED ";a\r\nhi\r\n0\r\n\r\n", 200, NULL},
        {CHUNKED "fffffffffffffffff\r\nhi\r\n0\r\n\r\n", 200, NULL},
    };
    setup s;
    set_up(&s);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        int fd = ask(&s, "GET /", "Connection: close\r\n"), guest = take_any(&s);
        send_text(guest, cases[i].answer);
        close(guest);
        WRN_AUTO(wrn_buf_free) wrn_buf got = WRN_BUF_INIT;
        read_end(fd, &got);
        bool status_ok = got.size > 12 && atoi(got.data + strlen("HTTP/1.1 ")) == cases[i].status;
        CHECK_MSG(status_ok, "case %zu: %s\ngave %s", i, cases[i].answer, got.data);
        CHECK_MSG(!strstr(got.data, "smuggled") && !strstr(got.data, "Set-Cookie"), "case %zu: %s", i, got.data);
        if (cases[i].end) CHECK_MSG(ends_with(&got, cases[i].end), "case %zu: %s", i, got.data);
        else CHECK_MSG(!ends_with(&got, "0\r\n\r\n"), "case %zu looks whole: %s", i, got.data);
    }
    tear_down(&s);
}

TEST(endless_heads_are_cut_off) {
    static const char *const pieces[] = {"A: b\r\n", "HTTP/1.1 100 Continue\r\n\r\n"};
    setup s;
    set_up(&s);
    for (size_t i = 0; i < WRN_COUNT(pieces); i++) {
        int fd = ask(&s, "GET /", "Connection: close\r\n"), guest = take_any(&s);
        if (i == 0) send_text(guest, OK_HEAD);
        for (int n = 0; n < 100000; n++) send_text(guest, pieces[i]);
        CHECK_STATUS(read_reply(fd), 502);
        close(guest);
        shutdown(fd, SHUT_WR);
        expect_eof(fd);
    }
    tear_down(&s);
}

TEST(answers_may_come_in_any_pieces) {
    static const char answer[] =
        "HTTP/1.1 103 Hints\r\nA: b\r\n\r\n" CHUNKED "2;x\r\nhi\r\n3\r\nyou\r\n0\r\nT: u\r\n\r\n";
    setup s;
    set_up(&s);
    for (size_t i = 1; i < sizeof(answer) - 1; i++) {
        int fd = ask(&s, "GET /", ""), guest = take_any(&s);
        send_bytes(guest, answer, i);
        send_bytes(guest, answer + i, sizeof(answer) - 1 - i);
        reply r = read_reply(fd);
        CHECK_MSG(r.status == 200 && r.size == 5 && memcmp(r.body, "hiyou", 5) == 0, "cut at %zu: %s", i, r.body);
        reply_free(&r);
        close(guest);
        close(fd);
    }
    tear_down(&s);
}

TEST(credentials_and_hop_fields_stay_here) {
    setup s;
    set_up(&s);
    char fields[8192];
    snprintf(
        fields, sizeof(fields),
        "X-API-Key: %s\r\nx-api-KEY: \t%s \r\nX-Api-Key: other\r\n"
        "Authorization: Bearer %s\r\nAUTHORIZATION: bearer   %s\r\nauthorization: %s\r\nAuthorization: Bearer %s\r\n"
        "Authorization: Basic eDp5\r\nCookie: a=b\r\n"
        "Connection: keep-alive, X-Private\r\nConnection: x-more\r\nX-Private: 1\r\nX-More: 2\r\nKeep-Alive: 5\r\n"
        "TE: trailers\r\nTrailer: x\r\nProxy-Authorization: Basic x\r\nProxy-Connection: x\r\nUpgrade: h2c\r\n"
        "Expect: 100-continue\r\nX-Forwarded-Proto: https\r\n",
        s.d.key, s.d.key, s.d.token, s.d.token, s.d.token, s.d.key);
    int fd = ask(&s, "GET /a//b/?c=%20&d", fields);
    WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT;
    int guest = take(&s, &head);
    wrn_buf_putc(&head, '\0');
    static const char begin[] = "GET /a//b/?c=%20&d HTTP/1.1\r\nHost: localhost:";
    CHECK_MSG(strncmp(head.data, begin, sizeof(begin) - 1) == 0, "%s", head.data);
    CHECK_MSG(!strstr(head.data, s.d.key) && !strstr(head.data, s.d.token), "ours went out: %s", head.data);
    static const char *const kept[] = {"x-api-key: other\r\n",  "authorization: Basic eDp5\r\n", "cookie: a=b\r\n",
                                       "Connection: close\r\n", "x-forwarded-proto: https\r\n",  "X-Forwarded-Host: "};
    static const char *const dropped[] = {
        "x-private", "x-more", "keep-alive", "te:", "trailer", "proxy-", "pgrade:", "expect:"};
    for (size_t i = 0; i < WRN_COUNT(kept); i++) CHECK_CONTAINS(head.data, kept[i]);
    for (size_t i = 0; i < WRN_COUNT(dropped); i++)
        CHECK_MSG(!strstr(head.data, dropped[i]), "%s: %s", dropped[i], head.data);
    send_text(guest, OK_HEAD "Connection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Authenticate: x\r\n"
                             "Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
    reply r = read_reply(fd);
    CHECK_CONTAINS(r.head, "Set-Cookie: a=b\r\n");
    CHECK_CONTAINS(r.head, "Connection: keep-alive\r\n");
    CHECK(!strstr(r.head, "Keep-Alive: 5") && !strstr(r.head, "Proxy-") && !strstr(r.head, "X-Hop"));
    reply_free(&r);
    close(guest);
    close(fd);
    tear_down(&s);
}

TEST(requests_of_one_connection_go_where_each_says) {
    setup s;
    set_up(&s);
    int fd = dial(s.d.socket);
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    for (int i = 0; i < 3; i++) {
        wrn_buf_printf(&out, "POST /%d HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
                       i, s.host);
        wrn_buf_puts(&out, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    send_bytes(fd, out.data, out.size);
    for (int i = 0; i < 3; i++) {
        WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT;
        char line[32], body[12];
        int guest = take(&s, &head);
        snprintf(line, sizeof(line), "POST /%d HTTP/1.1\r\n", i);
        CHECK(strncmp(head.data, line, strlen(line)) == 0);
        CHECK_INT(recv(guest, body, sizeof(body), MSG_WAITALL), 12);
        CHECK_MEM(body, sizeof(body), "2\r\nhi\r\n0\r\n\r\n", 12);
        send_text(guest, OK_HEAD "Content-Length: 1\r\n\r\nx");
        close(guest);
        CHECK_STATUS(read_reply(fd), 200);
        reply r = read_reply(fd);
        CHECK_STR(member(&r, "status"), "ok");
        reply_free(&r);
    }
    close(fd);
    tear_down(&s);
}

TEST(names_that_are_not_well) {
    setup s;
    set_up(&s);
    char line[200];
    static const struct {
        const char *format;
        int status;
    } cases[] = {
        {"0-%s.localhost", 400},
        {"65536-%s.localhost", 400},
        {"99999999999-%s.localhost", 400},
        {"80-cl-x.localhost", 400},
        {"-%s.localhost", 404},
        {"80-%s", 404},
        {"80-cl-0000000000000000000000000.localhost", 404},
        {"1-%s.localhost", 502},
        {"80-cl-.localhost", 404},
        {"+80-%s.localhost", 404},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        int fd = dial(s.d.socket);
        send_text(fd, "GET /nothing HTTP/1.1\r\nConnection: close\r\nHost: ");
        snprintf(line, sizeof(line), cases[i].format, s.id);
        send_text(fd, line);
        send_text(fd, "\r\n\r\n");
        reply r = read_reply(fd);
        CHECK_MSG(r.status == cases[i].status, "%s: %d %s", line, r.status, r.body);
        CHECK_CONTAINS(r.head, "text/plain");
        reply_free(&r);
        expect_eof(fd);
    }
    tear_down(&s);
}

/* ---- large bodies, and ends that do not read ---- */

enum { LARGE = 64 << 20, ROOM = 8 << 20 };

/* Turns of the server's loop, in which it would take what it takes. */
static void turn(const setup *s) {
    int fd = dial(s->d.socket);
    for (int i = 0; i < 1000; i++) {
        send_text(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK_STATUS(read_reply(fd), 200);
    }
    close(fd);
}

/* A process that sends LARGE bytes. */
static pid_t flood(int fd) {
    static char block[65536];
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid) return pid;
    for (size_t sent = 0; sent < LARGE; sent += sizeof(block)) send_bytes(fd, block, sizeof(block));
    _exit(0);
}

static void count(int fd, size_t want) {
    static char chunk[65536];
    size_t have = 0;
    while (have < want) {
        ssize_t got = read(fd, chunk, sizeof(chunk) < want - have ? sizeof(chunk) : want - have);
        CHECK_MSG(got > 0, "it ended after %zu bytes", have);
        have += (size_t)got;
    }
}

static void large_body(bool up, const char *upgrade) {
    setup s;
    char head[200];
    set_up(&s);
    snprintf(head, sizeof(head), "%sContent-Length: %d\r\n", upgrade, *upgrade || !up ? 0 : LARGE);
    int fd = ask(&s, "POST /", head), guest = take_any(&s);
    snprintf(head, sizeof(head), OK_HEAD "Content-Length: %d\r\n\r\n", up ? 0 : LARGE);
    if (*upgrade) strcpy(head, "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    if (*upgrade || !up) {
        char c;
        send_text(guest, head);
        for (int ends = 0; ends < 2 && read(fd, &c, 1) == 1;)
            if (c == '\n') ends++;
            else if (c != '\r') ends = 0;
    }
    size_t before = daemon_peak_memory(&s.d);
    pid_t child = flood(up ? fd : guest);
    turn(&s);
    count(up ? guest : fd, LARGE);
    CHECK_INT(daemon_wait(child), 0);
    if (!*upgrade && up) {
        send_text(guest, head);
        CHECK_STATUS(read_reply(fd), 200);
    }
    CHECK_MSG(daemon_peak_memory(&s.d) < before + ROOM, "%zu and then %zu bytes", before, daemon_peak_memory(&s.d));
    close(guest);
    close(fd);
    tear_down(&s);
}

#define UPGRADE "Upgrade: x\r\nConnection: upgrade\r\n"
TEST(a_large_answer_waits_for_its_reader) { large_body(false, ""); }
TEST(a_large_upload_waits_for_its_reader) { large_body(true, ""); }
TEST(tunnels_wait_for_their_readers) {
    large_body(false, UPGRADE);
    large_body(true, UPGRADE);
}

TEST(an_answer_before_the_end_of_the_request) {
    setup s;
    set_up(&s);
    /* The program answers, and goes without having read. */
    int fd = ask(&s, "POST /", "Content-Length: 67108864\r\n"), guest = take_any(&s);
    pid_t child = flood(fd);
    send_text(guest, "HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno");
    shutdown(guest, SHUT_WR);
    reply r = read_reply(fd);
    CHECK_INT(r.status, 413);
    CHECK_CONTAINS(r.head, "Connection: close\r\n");
    reply_free(&r);
    close(guest);
    CHECK_INT(daemon_wait(child), 0);
    close(fd);
    tear_down(&s);
}

TEST(ends_that_both_send_first) {
    setup s;
    set_up(&s);
    int fd = ask(&s, "POST /", "Content-Length: 67108864\r\n"), guest = take_any(&s);
    send_text(guest, OK_HEAD "Content-Length: 67108864\r\n\r\n");
    pid_t up = flood(fd), down = flood(guest);
    char head[4];
    CHECK(recv(fd, head, sizeof(head), MSG_WAITALL) == 4 && memcmp(head, "HTTP", 4) == 0);
    count(fd, LARGE);
    close(guest);
    CHECK_INT(daemon_wait(down), 0);
    CHECK_INT(daemon_wait(up), 0);
    close(fd);
    tear_down(&s);
}

TEST(outlives_ends_that_go_at_any_time) {
    static const char answer[] = CHUNKED "2\r\nhi\r\n0\r\n\r\n";
    setup s;
    set_up(&s);
    for (size_t i = 0; i < sizeof(answer); i++) {
        /* The client goes first, in the middle of its body or of the answer. */
        int fd = ask(&s, "POST /", i % 2 ? "Content-Length: 5\r\n" : ""), guest = take_any(&s);
        send_bytes(guest, answer, i);
        close(fd);
        close(guest);
    }
    int fd = ask(&s, "GET /", UPGRADE), guest = take_any(&s);
    send_text(guest, "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nglued");
    close(guest);
    WRN_AUTO(wrn_buf_free) wrn_buf got = WRN_BUF_INIT;
    read_end(fd, &got);
    CHECK(ends_with(&got, "\r\n\r\nglued"));
    CHECK_STATUS(call(&s.d, "GET", sandbox_path(s.id, ""), NULL), 200);
    tear_down(&s);
}

/* ---- what the program sees, and the browser ---- */

/* The program's view of a request: its whole head. */
static char *seen(const setup *s, const char *line, const char *fields) {
    wrn_buf head = WRN_BUF_INIT;
    int fd = ask(s, line, fields), guest = take(s, &head);
    send_text(guest, OK_HEAD "Content-Length: 0\r\n\r\n");
    CHECK_STATUS(read_reply(fd), 200);
    close(guest);
    close(fd);
    return wrn_buf_steal(&head);
}

TEST(the_program_knows_itself_by_one_name) {
    setup s;
    char fields[600], want[200];
    set_up(&s);
    snprintf(fields, sizeof(fields), "Origin: http://%s\r\nReferer: https://%s/a?b=c\r\n", s.host, s.host);
    char *head = seen(&s, "POST /", fields);
    snprintf(want, sizeof(want), "\r\norigin: http://localhost:%d\r\n", s.port);
    CHECK_CONTAINS(head, want);
    snprintf(want, sizeof(want), "\r\nreferer: http://localhost:%d/a?b=c\r\n", s.port);
    CHECK_CONTAINS(head, want);
    free(head);
    /* No field says another name: Rails and Remix compare Origin with X-Forwarded-Host, where there is one. */
    snprintf(fields, sizeof(fields), "Origin: http://%s\r\nX-Forwarded-Host: %s\r\nForwarded: for=::1;host=%s\r\n",
             s.host, s.host, s.host);
    head = seen(&s, "POST /", fields);
    CHECK_MSG(!strstr(head, s.host), "%s", head);
    free(head);
    /* Others stay what they are. */
    static const char *const others[] = {"origin: https://evil.example\r\n", "origin: null\r\n",
                                         "referer: http://localhost/\r\n", "origin: http://localhost:8080\r\n",
                                         "referer: about:blank\r\n"};
    for (size_t i = 0; i < WRN_COUNT(others); i++) {
        head = seen(&s, "GET /", others[i]);
        CHECK_CONTAINS(head, others[i]);
        free(head);
    }
    snprintf(fields, sizeof(fields), "origin: http://%s.evil.example\r\n", s.host);
    head = seen(&s, "GET /", fields);
    CHECK_CONTAINS(head, fields);
    free(head);
    tear_down(&s);
}

TEST(request_lines_and_lengths_stay) {
    static const struct {
        const char *line, *fields, *want;
    } cases[] = {
        {"GET /a?", "", "GET /a? HTTP/1.1\r\n"},
        {"GET /a", "", "GET /a HTTP/1.1\r\n"},
        {"GET /?&&a=&b", "", "GET /?&&a=&b HTTP/1.1\r\n"},
        {"GET //a/../%2f?x=%20", "", "GET //a/../%2f?x=%20 HTTP/1.1\r\n"},
        {"POST /", "Content-Length: 0\r\n", "\r\nContent-Length: 0\r\n"},
        {"DELETE /", "Content-Length: 000\r\n", "\r\nContent-Length: 0\r\n"},
    };
    setup s;
    set_up(&s);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char *head = seen(&s, cases[i].line, cases[i].fields);
        CHECK_CONTAINS(head, cases[i].want);
        free(head);
    }
    char *head = seen(&s, "POST /", "");
    CHECK(!strstr(head, "Content-Length"));
    free(head);
    for (char *c = s.host; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 32);
    free(seen(&s, "GET /", ""));
    tear_down(&s);
}

TEST(tokens_of_ours_stay_here) {
    setup s;
    char line[3000], fields[3000];
    set_up(&s);
    snprintf(line, sizeof(line), "GET /?a=1&token=%s&b=%%20&token=other&token=%s", s.d.token, s.d.key);
    snprintf(fields, sizeof(fields), "X-Host-Token: any\r\nReferer: http://%s/?token=%s&c=2\r\n", s.host, s.d.token);
    char *head = seen(&s, line, fields);
    CHECK_CONTAINS(head, "GET /?a=1&b=%20&token=other HTTP/1.1\r\n");
    CHECK_CONTAINS(head, "/?c=2\r\n");
    CHECK(!strstr(head, s.d.token) && !strstr(head, s.d.key) && !strcasestr(head, "host-token"));
    free(head);
    snprintf(line, sizeof(line), "GET /?token=%%%02x%s", s.d.token[0], s.d.token + 1);
    head = seen(&s, line, "");
    CHECK_CONTAINS(head, "GET /? HTTP/1.1\r\n");
    free(head);
    tear_down(&s);
}

TEST(answers_keep_to_the_name_that_was_asked_for) {
    static const struct {
        const char *sent, *want;
    } cases[] = {
        {"Set-Cookie: a=b; Domain=localhost; Path=/\r\n", "\r\nSet-Cookie: a=b; Path=/\r\n"},
        {"set-cookie: a=b;domain=.localhost;DOMAIN = x; Secure; domain\r\n", "\r\nset-cookie: a=b; Secure\r\n"},
        {"Set-Cookie: domain=x; domains=y; HttpOnly\r\n", "\r\nSet-Cookie: domain=x; domains=y; HttpOnly\r\n"},
        {"Set-Cookie: a=b; Domain=\r\n", "\r\nSet-Cookie: a=b\r\n"},
        {"Location: http://localhost:PORT/x?y\r\n", "\r\nLocation: /x?y\r\n"},
        {"location:http://127.0.0.1:PORT\r\n", "\r\nlocation: /\r\n"},
        {"LOCATION: HTTP://[::1]:PORT?a\r\n", "\r\nLOCATION: /?a\r\n"},
        {"Location: http://localhost:PORT1/\r\n", "\r\nLocation: http://localhost:PORT1/\r\n"},
        {"Location: https://example.com/\r\n", "\r\nLocation: https://example.com/\r\n"},
    };
    setup s;
    set_up(&s);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char texts[2][300];
        for (int j = 0; j < 2; j++) {
            const char *text = j ? cases[i].want : cases[i].sent, *at = strstr(text, "PORT");
            if (at) snprintf(texts[j], sizeof(texts[j]), "%.*s%d%s", (int)(at - text), text, s.port, at + 4);
            else snprintf(texts[j], sizeof(texts[j]), "%s", text);
        }
        int fd = ask(&s, "GET /", ""), guest = take_any(&s);
        send_text(guest, "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n");
        send_text(guest, texts[0]);
        send_text(guest, "\r\n");
        reply r = read_reply(fd);
        CHECK_CONTAINS(r.head, texts[1]);
        CHECK(strncmp(r.head, "HTTP/1.1 418 I'm a teapot\r\n", 27) == 0);
        reply_free(&r);
        close(guest);
        close(fd);
    }
    tear_down(&s);
}

/* ---- ends of which one is over ---- */

TEST(tunnels_end_half_by_half) {
    setup s;
    set_up(&s);
    for (int client_first = 0; client_first < 2; client_first++) {
        int fd = ask(&s, "GET /", UPGRADE), guest = take_any(&s);
        send_text(guest, "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
        CHECK_STATUS(read_reply(fd), 101);
        int first = client_first ? fd : guest, second = client_first ? guest : fd;
        send_text(first, "last words");
        shutdown(first, SHUT_WR);
        char text[11] = "";
        CHECK(recv(second, text, 10, MSG_WAITALL) == 10 && read(second, text + 10, 1) == 0);
        CHECK_STR(text, "last words");
        for (int i = 0; i < 3; i++) {
            send_text(second, "answer");
            CHECK(recv(first, text, 6, MSG_WAITALL) == 6 && memcmp(text, "answer", 6) == 0);
        }
        close(second);
        CHECK(read(first, text, 1) == 0);
        close(first);
    }
    tear_down(&s);
}

TEST(a_tunnel_with_one_end_does_not_stay_for_ever) {
    setup s;
    set_up(&s);
    int fd = ask(&s, "GET /", UPGRADE), guest = take_any(&s);
    send_text(guest, "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    CHECK_STATUS(read_reply(fd), 101);
    shutdown(guest, SHUT_WR);
    char c;
    CHECK(read(fd, &c, 1) == 0);
    daemon_pass(&s.d, 301);
    CHECK(read(guest, &c, 1) == 0);
    close(guest);
    close(fd);
    tear_down(&s);
}

TEST(programs_have_a_time_to_answer) {
    setup s;
    set_up(&s);
    int fd = ask(&s, "GET /", ""), guest = take_any(&s);
    send_text(guest, "HTTP/1.1 200 OK\r\nA: ");
    daemon_pass(&s.d, 299);
    send_text(guest, "b\r\n");
    daemon_pass(&s.d, 2);
    CHECK_STATUS(read_reply(fd), 504);
    char c;
    CHECK(read(guest, &c, 1) <= 0);
    close(guest);
    close(fd);
    /* But not to end it. */
    fd = ask(&s, "GET /", "");
    guest = take_any(&s);
    send_text(guest, OK_HEAD "Content-Length: 2\r\n\r\nh");
    daemon_pass(&s.d, 1000);
    send_text(guest, "i");
    CHECK_STATUS(read_reply(fd), 200);
    close(guest);
    close(fd);
    tear_down(&s);
}

/* One that has only finished sending waits for its answer. */
TEST(half_a_client_gets_its_answer) {
    setup s;
    set_up(&s);
    int fd = ask(&s, "GET /", ""), guest = take_any(&s);
    shutdown(fd, SHUT_WR);
    daemon_pass(&s.d, 5);
    send_text(guest, OK_HEAD "Content-Length: 2\r\n\r\nhi");
    reply r = read_reply(fd);
    while (r.status == 100) reply_free(&r), r = read_reply(fd);
    CHECK_INT(r.status, 200);
    reply_free(&r);
    close(guest);
    close(fd);
    tear_down(&s);
}

/* ---- programs that never answer, and clients that do not wait ---- */

TEST(the_api_has_room_beside_the_proxy) {
    enum { MANY = 30 };
    setup s = {0};
    served server = {0};
    int fds[MANY], refused = 0;
    open_listener(&s);
    daemon_serve(&server, &s.d, (const char *[]){"--listen", "127.0.0.1:0", "--max-connections", "16", NULL});
    const char *address = strstr(server.address, "127.0.0.1:");
    CHECK(address);
    int port = atoi(strchr(address, ':') + 1);
    daemon_key(&server, &s.d);
    char ids[2][40], hosts[2][100];
    for (int i = 0; i < 2; i++) {
        make_sandbox(&s.d, "{}", ids[i]);
        snprintf(hosts[i], sizeof(hosts[i]), "GET / HTTP/1.1\r\nHost: %d-%s.localhost\r\n\r\n", s.port, ids[i]);
    }
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial_tcp(port);
        send_text(fds[i], hosts[0]);
        CHECK_STATUS(call(&s.d, "GET", "/v1/sandboxes", NULL), 200);
    }
    struct pollfd answered = {.events = POLLIN};
    for (int i = 0; i < MANY; i++) {
        answered.fd = fds[i];
        if (poll(&answered, 1, 0) != 1) continue;
        CHECK_STATUS(read_reply(fds[i]), 503);
        refused++;
    }
    CHECK_INT(refused, MANY - 7); /* half of three quarters, and one */
    /* The neighbour has the other half. */
    int fd = dial_tcp(port), guest = -1;
    send_text(fd, hosts[1]);
    for (int i = 0; i < MANY - refused + 1; i++) {
        if (guest >= 0) close(guest);
        guest = take_any(&s);
    }
    send_text(guest, OK_HEAD "Content-Length: 0\r\n\r\n");
    CHECK_STATUS(read_reply(fd), 200);
    close(guest);
    close(fd);
    /* Those that leave make room, though their program says nothing. */
    for (int i = 0; i < MANY; i++) close(fds[i]);
    for (bool again = false; !again;) {
        fd = dial_tcp(port);
        send_text(fd, hosts[0]);
        answered = (struct pollfd){fd, POLLIN, 0};
        again = poll(&answered, 1, 200) == 0;
        close(fd);
    }
    daemon_finish(&server, SIGTERM);
    free(server.said);
    close(s.listener);
}

TEST_MAIN
