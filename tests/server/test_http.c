/* The HTTP server over a real socket: what must be refused, what must be survived. Limits are set low, so nothing waits
 * long, and each test waits for the event itself. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "peer.h"

static reply raw(const test_daemon *d, const char *text) {
    int fd = dial(d->socket);
    send_text(fd, text);
    reply r = read_reply(fd);
    shutdown(fd, SHUT_WR);
    expect_eof(fd);
    return r;
}

TEST(health_and_the_document_need_no_credentials) {
    test_daemon d;
    daemon_start(&d, NULL);
    reply r = request(&d, "GET", "/health", NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_STR(member(&r, "status"), "ok");
    CHECK_CONTAINS(r.head, "Content-Type: application/json\r\n");
    CHECK_CONTAINS(r.head, "Date: ");
    CHECK(r.body[r.size - 1] == '\n');
    reply_free(&r);
    r = request(&d, "GET", "/openapi.yaml", NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK(strncmp(r.body, "openapi: 3.1.0\n", 15) == 0);
    CHECK_CONTAINS(r.body, "/v1/sandboxes/{id}/exec:");
    reply_free(&r);
    daemon_stop(&d);
}

#define LOGIN "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\n"
#define CHUNKS LOGIN "Transfer-Encoding: chunked\r\n\r\n"

TEST(refuses_what_smugglers_send) {
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}", 400},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\n{}", 400},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {LOGIN "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400},
        {LOGIN "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400},
        {LOGIN "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
        {LOGIN "Transfer-Encoding: chunked, chunked\r\n\r\n", 501},
        {LOGIN "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
        {LOGIN "Transfer-Encoding: chunked;q=1\r\n\r\n", 501},
        {LOGIN "Transfer-Encoding:\r\n\r\n", 400},
        {LOGIN "Transfer-Encoding: \x0b"
               "chunked\r\n\r\n",
         400},
        {LOGIN "Transfer-Encoding : chunked\r\n\r\n", 400},
        {LOGIN "Transfer-Encoding\t: chunked\r\n\r\n", 400},
        {LOGIN "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", 400},
        {LOGIN "X: y\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {LOGIN "Transfer-Encoding:\r\n chunked\r\n\r\n", 400},
        {LOGIN "Content-Length: 2\r\n\tContent-Length: 3\r\n\r\n{}", 400},
        {LOGIN "Content-Length: -2\r\n\r\n{}", 400},
        {LOGIN "Content-Length: 0x2\r\n\r\n{}", 400},
        {LOGIN "Content-Length: 2.0\r\n\r\n{}", 400},
        {LOGIN "Content-Length: 2 2\r\n\r\n{}", 400},
        {LOGIN "Content-Length: 2;\r\n\r\n{}", 400},
        {LOGIN "Content-Length:\r\n\r\n{}", 400},
        {LOGIN "Content-Length: 18446744073709551618\r\n\r\n{}", 400},
        {LOGIN "Content-Length: 9223372036854775808\r\n\r\n{}", 400},
        {LOGIN "Content-Length : 2\r\n\r\n{}", 400},
        {LOGIN "Content-Length: 02 \t\r\n\r\n{}", 400}, /* that is: the body is not what it wants */
        {CHUNKS "0x2\r\n{}\r\n0\r\n\r\n", 400},
        {CHUNKS "+2\r\n{}\r\n0\r\n\r\n", 400},
        {CHUNKS "-2\r\n{}\r\n0\r\n\r\n", 400},
        {CHUNKS " 2\r\n{}\r\n0\r\n\r\n", 400},
        {CHUNKS "\r\n{}\r\n0\r\n\r\n", 400},
        {CHUNKS ";x\r\n{}\r\n0\r\n\r\n", 400},
        {CHUNKS "2;a\n{}\r\n0\r\n\r\n", 400},
        {CHUNKS "2;a\rb\r\n{}\r\n0\r\n\r\n", 400},
        {CHUNKS "2\r{}\r\n0\r\n\r\n", 400},
        {CHUNKS "2\r\n{}\n0\r\n\r\n", 400},
        {CHUNKS "2\r\n{}0\r\n\r\n", 400},
        {CHUNKS "ffffffffffffffff\r\n{}", 400},
        {CHUNKS "10000000000000002\r\n{}\r\n0\r\n\r\n", 400},
        {CHUNKS "7fffffffffffffff\r\n{}", 400},
        {CHUNKS "2\r\n{}\r\n0\r\nX: y\nZ: z\r\n\r\n", 400},
        /* Trailers change nothing: it is the missing members that are refused. */
        {CHUNKS "2\r\n{}\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: x\r\nHost: y\r\n\r\n", 400},
        {"POST /v1/auth/login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /health  HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET\t/health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /health\r\n\r\n", 400},
        {"GET /health HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
        {"GET /health HTTP/0.9\r\nHost: x\r\n\r\n", 400},
        {"GET /health HTTP/1.2\r\nHost: x\r\n\r\n", 400},
        {"GET /health HTTP/1.10\r\nHost: x\r\n\r\n", 400},
        {"GET /health http/1.1\r\nHost: x\r\n\r\n", 400},
        {"get /health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"G\x80T /health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"NONSENSE /health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET ftp://x/health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET http:///health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET http://x/health HTTP/1.1\r\n\r\n", 400},
        {"GET /health#x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200},
        {"GET /health HTTP/1.1\r\nHost:\r\n\r\n", 200},
        {"GET /health HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\n Host: x\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: x\r\nA: b\r\r\n\r\n", 400},
        {"GET /health HTTP/1.1\rHost: x\r\r", 400},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n", 400},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400},
        {"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nab\r\n0\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: x\r\n folded: yes\r\n\r\n", 400},
        {"GET /health HTTP/1.1\nHost: x\n\n", 400},
        {"GET /health HTTP/1.1\r\nHost: x\rX: y\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\n\r\n", 400},
        {"GET /health HTTP/2.0\r\nHost: x\r\n\r\n", 400},
        {"GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"CONNECT example.org:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /health HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", 417},
        {"\x16\x03\x01 tls\r\n\r\n", 400},
        {"GET http://x/health HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"GET /health HTTP/1.0\r\n\r\n", 200},
    };
    test_daemon d;
    daemon_start(&d, (const char *[]){"--linger-timeout-ms", "50", NULL});
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        WRN_AUTO(wrn_buf_free) wrn_buf rest = WRN_BUF_INIT;
        int fd = dial(d.socket);
        send_text(fd, cases[i].text);
        send_text(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"); /* where nobody knows what it belongs to */
        reply r = read_reply(fd);
        shutdown(fd, SHUT_WR);
        read_end(fd, &rest);
        CHECK_MSG(r.status == cases[i].status, "case %zu: %s gave %d: %s", i, cases[i].text, r.status, r.body);
        CHECK_MSG(r.status == 200 || error_code(&r), "case %zu: no envelope: %s", i, r.body);
        bool over = strstr(r.head, "Connection: close\r\n");
        CHECK_MSG(over == !rest.size, "case %zu: %s was followed by %s", i, cases[i].text, rest.data);
        reply_free(&r);
    }
    daemon_stop(&d);
}

static char *repeat(const char *before, char c, size_t count, const char *after) {
    wrn_buf out = WRN_BUF_INIT;
    wrn_buf_puts(&out, before);
    for (size_t i = 0; i < count; i++) wrn_buf_putc(&out, c);
    wrn_buf_puts(&out, after);
    return wrn_buf_steal(&out);
}

TEST(bounds_the_head) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--linger-timeout-ms", "50", NULL});
    char *url = repeat("GET /", 'a', 9000, " HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_ERROR(raw(&d, url), 414, "invalid_request");
    free(url);
    char *head = repeat("GET /health HTTP/1.1\r\nHost: x\r\nA: ", 'a', 40000, "\r\n\r\n");
    CHECK_ERROR(raw(&d, head), 431, "invalid_request");
    free(head);
    wrn_buf many = WRN_BUF_INIT;
    wrn_buf_puts(&many, "GET /health HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 100; i++) wrn_buf_printf(&many, "X-%d: y\r\n", i);
    wrn_buf_puts(&many, "\r\n");
    CHECK_ERROR(raw(&d, many.data), 431, "invalid_request");
    wrn_buf_free(&many);
    daemon_stop(&d);
}

TEST(bounds_the_body_and_the_answer_arrives_though_more_is_sent) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-body-bytes", "2000", NULL});
    char head[256];
    snprintf(head, sizeof(head), "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n", d.key);
    static char block[100000];
    memset(block, ' ', sizeof(block));
    int fd = dial(d.socket);
    send_text(fd, head);
    send_text(fd, "Content-Length: 10000000\r\n\r\n");
    for (int i = 0; i < 100; i++) send_bytes(fd, block, sizeof(block));
    CHECK_ERROR(read_reply(fd), 413, "too_large");
    expect_eof(fd);
    fd = dial(d.socket);
    send_text(fd, head);
    send_text(fd, "Transfer-Encoding: chunked\r\n\r\n400\r\n");
    send_bytes(fd, block, 0x400);
    send_text(fd, "\r\n400\r\n");
    send_bytes(fd, block, 0x400);
    CHECK_ERROR(read_reply(fd), 413, "too_large");
    shutdown(fd, SHUT_WR);
    expect_eof(fd);
    daemon_stop(&d);
}

TEST(refuses_early_and_lets_the_body_run_out) {
    test_daemon d;
    daemon_start(&d, NULL);
    static char block[100000];
    int fd = dial(d.socket);
    send_text(fd, "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
    reply r = read_reply(fd);
    CHECK_INT(r.status, 401);
    CHECK_CONTAINS(r.head, "Connection: close\r\n");
    reply_free(&r);
    for (int i = 0; i < 30; i++) send_bytes(fd, block, sizeof(block));
    expect_eof(fd);
    daemon_stop(&d);
}

TEST(answers_expect_100_continue) {
    test_daemon d;
    daemon_start(&d, NULL);
    char head[256];
    int fd = dial(d.socket);
    snprintf(
        head, sizeof(head),
        "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        d.key);
    send_text(fd, head);
    CHECK_STATUS(read_reply(fd), 100);
    send_text(fd, "{}");
    CHECK_STATUS(read_reply(fd), 201);
    close(fd);
    fd = dial(d.socket);
    send_text(fd, "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK_STATUS(read_reply(fd), 401);
    shutdown(fd, SHUT_WR);
    expect_eof(fd);
    daemon_stop(&d);
}

TEST(answers_pipelined_requests_in_order) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40], text[2048];
    make_sandbox(&d, "{}", id);
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    for (int i = 0; i < 50; i++) {
        int size = snprintf(text, sizeof(text), "{\"cmd\":\"exit\",\"args\":[\"%d\"]}", i);
        wrn_buf_printf(&out, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s",
                       sandbox_path(id, "/exec"), d.key, size, text);
        wrn_buf_puts(&out, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    int fd = dial(d.socket);
    send_bytes(fd, out.data, out.size);
    for (int i = 0; i < 50; i++) {
        reply r = read_reply(fd);
        CHECK_INT(number(&r, "exit_code"), i);
        reply_free(&r);
        CHECK_STATUS(read_reply(fd), 200);
    }
    close(fd);
    daemon_stop(&d);
}

TEST(an_upgrade_may_wait_behind_a_request) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40], text[2048];
    make_sandbox(&d, "{}", id);
    snprintf(text, sizeof(text),
             "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 14\r\n\r\n{\"cmd\":\"echo\"}"
             "GET %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n" PEER_UPGRADE "\r\n",
             sandbox_path(id, "/exec"), d.key, sandbox_path(id, "/exec/stream"), d.key);
    int fd = dial(d.socket);
    send_text(fd, text);
    peer_say(fd, "{\"type\":\"start\",\"cmd\":\"exit\",\"args\":[\"7\"]}");
    CHECK_STATUS(read_reply(fd), 200);
    CHECK_STATUS(read_reply(fd), 101);
    wrn_json *end = peer_expect(fd, "exit");
    int64_t code = 0;
    CHECK(wrn_json_int(wrn_json_get(end, "exit_code"), &code) && code == 7);
    wrn_json_free(end);
    CHECK_INT(peer_close_code(fd), 1000);
    daemon_stop(&d);
}

TEST(what_follows_other_kinds_of_requests) {
    test_daemon d;
    daemon_start(&d, NULL);
    char text[512];
    static const char health[] = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = dial(d.socket);
    snprintf(text, sizeof(text),
             "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nExpect: 100-continue\r\n"
             "Content-Length: 2\r\n\r\n{}%s",
             d.key, health);
    send_text(fd, text);
    reply r = read_reply(fd);
    if (r.status == 100) { /* not needed when the body is there already */
        reply_free(&r);
        r = read_reply(fd);
    }
    CHECK_INT(r.status, 201);
    reply_free(&r);
    CHECK_STATUS(read_reply(fd), 200);
    /* An answer to HEAD has no body, whatever its Content-Length says. */
    send_text(fd, "HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT, one = WRN_BUF_INIT;
    read_end(fd, &head);
    CHECK_MEM(head.data + head.size - 4, 4, "\r\n\r\n", 4);
    CHECK(strstr(head.data, "\r\n\r\n") == head.data + head.size - 4);
    /* HTTP/1.0 keeps alive when asked to. */
    fd = dial(d.socket);
    send_text(fd, "GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    r = read_reply(fd);
    CHECK_CONTAINS(r.head, "Connection: keep-alive\r\n");
    reply_free(&r);
    send_text(fd, "GET /health HTTP/1.0\r\n\r\n");
    r = read_reply(fd);
    CHECK_CONTAINS(r.head, "Connection: close\r\n");
    reply_free(&r);
    read_end(fd, &one);
    CHECK_INT(one.size, 0);
    daemon_stop(&d);
}

TEST(takes_requests_split_at_every_byte) {
    test_daemon d;
    daemon_start(&d, NULL);
    char text[512];
    int size = snprintf(text, sizeof(text),
                        "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "1;a=b\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
                        d.key);
    int fd = dial(d.socket);
    for (int i = 1; i < size; i++) {
        send_bytes(fd, text, (size_t)i);
        send_bytes(fd, text + i, (size_t)(size - i));
        reply r = read_reply(fd);
        CHECK_MSG(r.status == 201, "split at %d: %d %s", i, r.status, r.body);
        CHECK_STATUS(call(&d, "DELETE", sandbox_path(member(&r, "id"), ""), NULL), 204);
        reply_free(&r);
    }
    close(fd);
    daemon_stop(&d);
}

TEST(outlives_clients_that_hang_up_anywhere) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40], text[512];
    make_sandbox(&d, "{}", id);
    const char *body = "{\"cmd\":\"echo\",\"args\":[\"hi\"]}";
    int size =
        snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n%s",
                 sandbox_path(id, "/exec"), d.key, strlen(body), body);
    for (int i = 0; i <= size; i++) {
        int fd = dial(d.socket);
        send_bytes(fd, text, (size_t)i);
        close(fd);
    }
    CHECK_STATUS(call(&d, "GET", sandbox_path(id, ""), NULL), 200);
    daemon_stop(&d);
}

TEST(a_head_that_trickles_is_cut_off) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--head-timeout-ms", "60", NULL});
    int fd = dial(d.socket);
    send_text(fd, "GET /health HTTP/1.1\r\nHost: x\r\nX");
    CHECK_ERROR(read_reply(fd), 408, "invalid_request");
    shutdown(fd, SHUT_WR);
    expect_eof(fd);
    expect_eof(dial(d.socket));
    /* Bytes that keep coming do not stretch it. */
    fd = dial(d.socket);
    send_text(fd, "GET /health HTTP/1.1\r\n");
    struct pollfd answered = {.fd = fd, .events = POLLIN};
    while (poll(&answered, 1, 1) == 0) send_text(fd, "A: b\r\n");
    reply r = read_reply(fd);
    CHECK_MSG(r.status == 408 || r.status == 431, "%d", r.status);
    reply_free(&r);
    shutdown(fd, SHUT_WR);
    expect_eof(fd);
    daemon_stop(&d);
}

TEST(a_body_that_stops_and_a_connection_that_idles_are_cut_off) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--body-timeout-ms", "60", "--idle-timeout-ms", "60", NULL});
    int fd = dial(d.socket);
    send_text(fd, "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{");
    CHECK_ERROR(read_reply(fd), 408, "invalid_request");
    shutdown(fd, SHUT_WR);
    expect_eof(fd);
    fd = dial(d.socket);
    send_text(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_STATUS(read_reply(fd), 200);
    expect_eof(fd);
    daemon_stop(&d);
}

TEST(a_client_that_does_not_read_is_cut_off) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--write-timeout-ms", "60", "--max-output-bytes", "20000000", NULL});
    char id[40];
    make_sandbox(&d, "{}", id);
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    char *body = repeat("{\"cmd\":\"echo\",\"args\":[\"", 'a', 10000000, "\"]}");
    wrn_buf_printf(&out, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n",
                   sandbox_path(id, "/exec"), d.key, strlen(body));
    int fd = dial(d.socket);
    send_bytes(fd, out.data, out.size);
    send_bytes(fd, body, strlen(body));
    free(body);
    /* The close shows though the socket is still full of what was not read. */
    struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
    CHECK_INT(poll(&gone, 1, 60000), 1);
    close(fd);
    CHECK_STATUS(call(&d, "GET", sandbox_path(id, ""), NULL), 200);
    daemon_stop(&d);
}

TEST(too_many_connections_are_refused) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-connections", "3", NULL});
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(d.socket);
        send_text(fds[i], "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK_STATUS(read_reply(fds[i]), 200);
    }
    int fd = dial(d.socket);
    reply r = read_reply(fd);
    CHECK_INT(r.status, 503);
    CHECK_CONTAINS(r.head, "Retry-After: ");
    CHECK_STR(error_code(&r), "overloaded");
    reply_free(&r);
    shutdown(fd, SHUT_WR);
    expect_eof(fd);
    for (int i = 0; i < 3; i++) close(fds[i]);
    /* Closing is seen in its own time: until then more are refused. */
    for (bool free_again = false; !free_again;) {
        r = request(&d, "GET", "/health", NULL, NULL);
        free_again = r.status == 200;
        reply_free(&r);
    }
    daemon_stop(&d);
}

TEST(who_only_waits_makes_room) {
    enum { MANY = 4 };
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-connections", "4", NULL});
    char id[40];
    make_sandbox(&d, "{}", id);
    int fds[MANY];
    for (int i = 0; i < MANY; i++) fds[i] = dial(d.socket);
    send_text(fds[0], "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_STATUS(read_reply(fds[0]), 200);
    send_text(fds[1], "GET /health HTT");
    send_text(fds[2], LOGIN "Content-Length: 9\r\n\r\n{");
    CHECK_STATUS(peer_ask(fds[3], sandbox_path(id, "/pty"), PEER_UPGRADE), 101);
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 503); /* none has waited for long */
    daemon_advance(&d, 2);
    for (int i = 0; i < MANY; i++) CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    /* Those who are served stay. */
    int busy[MANY];
    for (int i = 0; i < MANY; i++) busy[i] = peer_open(&d, sandbox_path(id, "/pty"), "");
    daemon_advance(&d, 2);
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 503);
    for (int i = 0; i < MANY; i++) {
        peer_say(busy[i], "{\"type\":\"start\",\"cmd\":\"echo\"}");
        wrn_json_free(peer_expect(busy[i], "started"));
        close(busy[i]);
        close(fds[i]);
    }
    daemon_stop(&d);
}

static void list_sandboxes(const test_daemon *d, int fd) {
    char head[256];
    snprintf(head, sizeof(head), "GET /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", d->key);
    send_text(fd, head);
    CHECK_STATUS(read_reply(fd), 200);
}

/* Who is known and has few connections keeps them when strangers want all. */
TEST(strangers_do_not_take_the_room_of_who_is_known) {
    enum { MANY = 4 };
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-connections", "4", NULL});
    int known = dial(d.socket), fds[MANY];
    list_sandboxes(&d, known);
    daemon_advance(&d, 1);
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(d.socket);
        send_text(fds[i], "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK_STATUS(read_reply(fds[i]), i < MANY - 1 ? 200 : 503);
    }
    daemon_advance(&d, 2); /* `known` has waited longest */
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    list_sandboxes(&d, known);
    for (int i = 0; i < MANY; i++) close(fds[i]);
    close(known);
    daemon_stop(&d);
}

/* Who has asked in time does not only wait, even if the server is late. */
TEST(who_has_asked_is_answered_before_there_is_room) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-connections", "1", NULL});
    int first = dial(d.socket);
    send_text(first, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_STATUS(read_reply(first), 200);
    int status;
    kill(d.pid, SIGSTOP);
    CHECK(waitpid(d.pid, &status, WUNTRACED) == d.pid && WIFSTOPPED(status));
    daemon_advance(&d, 2);
    int second = dial(d.socket); /* which the server hears of first */
    send_text(first, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    kill(d.pid, SIGCONT);
    CHECK_STATUS(read_reply(first), 200);
    CHECK_STATUS(read_reply(second), 503);
    close(first);
    close(second);
    daemon_stop(&d);
}

TEST(unknown_paths_and_methods_get_an_envelope) {
    test_daemon d;
    daemon_start(&d, NULL);
    CHECK_ERROR(call(&d, "GET", "/v1/nothing", NULL), 404, "not_found");
    CHECK_ERROR(call(&d, "GET", "/v1", NULL), 404, "not_found");
    CHECK_ERROR(call(&d, "GET", "/v1/sandboxes//exec", NULL), 404, "not_found");
    CHECK_ERROR(call(&d, "GET", "/v1/sandboxes/a/b/c/d/e/f/g/h/i/j/k/l/m/n", NULL), 404, "not_found");
    reply r = call(&d, "PUT", "/v1/sandboxes", NULL);
    CHECK_INT(r.status, 405);
    CHECK_STR(error_code(&r), "invalid_request");
    CHECK_CONTAINS(r.head, "Allow: POST, GET\r\n");
    reply_free(&r);
    r = call(&d, "GET", "/elsewhere", NULL);
    CHECK_INT(r.status, 404);
    CHECK_CONTAINS(r.head, "text/plain");
    reply_free(&r);
    CHECK_STATUS(call(&d, "GET", "/v1/capsules/", NULL), 200);
    CHECK_STATUS(call(&d, "GET", "/v1/sandboxes/", NULL), 200);
    CHECK_ERROR(call(&d, "DELETE", "/v1/sandboxes/stats", NULL), 400, "invalid_request");
    daemon_stop(&d);
}

TEST_MAIN
