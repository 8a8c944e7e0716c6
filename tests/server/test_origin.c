/* What web pages can make a visitor's browser ask: nothing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "peer.h"

typedef struct setup {
    test_daemon d;
    served s;
    int port;
} setup;

static void set_up(setup *s, const char *const *extra) {
    *s = (setup){0};
    daemon_serve(&s->s, &s->d, extra);
    const char *at = strstr(s->s.address, "127.0.0.1:");
    if (!at) at = strstr(s->s.address, "0.0.0.0:");
    CHECK(at);
    s->port = atoi(strchr(at, ':') + 1);
}

static void tear_down(setup *s) {
    daemon_finish(&s->s, SIGTERM);
    free(s->s.said);
}

/* The status of a request with these lines, each with its line break; "PORT" in them is the port of the server. */
static int ask(const setup *s, const char *line, const char *fields, const char *body) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_buf_printf(&out, "%s HTTP/1.1\r\nConnection: close\r\n", line);
    for (const char *at = fields; *at; at++) {
        if (strncmp(at, "PORT", 4) == 0) wrn_buf_printf(&out, "%d", s->port), at += 3;
        else wrn_buf_putc(&out, *at);
    }
    if (body) wrn_buf_printf(&out, "Content-Length: %zu\r\n", strlen(body));
    wrn_buf_printf(&out, "\r\n%s", body ? body : "");
    int fd = dial_tcp(s->port);
    send_bytes(fd, out.data, out.size);
    reply r = read_reply(fd);
    if (r.status == 403 && r.json) CHECK_STR(error_code(&r), "forbidden");
    int status = r.status;
    reply_free(&r);
    expect_eof(fd);
    return status;
}

static void check_hosts(const setup *s, const char *const *hosts, int health, int api) {
    for (; *hosts; hosts++) {
        char field[200];
        snprintf(field, sizeof(field), "Host: %s\r\n", *hosts);
        int got = ask(s, "GET /health", field, NULL);
        CHECK_MSG(got == health, "Host %s: /health gave %d, not %d", *hosts, got, health);
        got = ask(s, "GET /v1/sandboxes", field, NULL);
        CHECK_MSG(got == api, "Host %s: the API gave %d, not %d", *hosts, got, api);
    }
}

TEST(only_names_of_this_server_are_served) {
    static const char *const ours[] = {
        "localhost",  "LocalHost:PORT", "localhost.", "a.localhost:1",     "127.0.0.1:PORT",         "127.0.0.1",
        "127.8.9.10", "[::1]:8080",     "",           "wrenn.example.com", "Wrenn.Example.Com.:443", "box",
        NULL};
    static const char *const foreign[] = {"evil.example:PORT",
                                          "localhost.evil.example",
                                          "127.0.0.1.evil.example",
                                          "evillocalhost",
                                          "10.0.0.1",
                                          "0x7f.1",
                                          "2130706433",
                                          "[::2]",
                                          "[::1",
                                          "wrenn.example.com.evil",
                                          "x.wrenn.example.com",
                                          "example.com",
                                          "localhost:x",
                                          NULL};
    setup s;
    set_up(&s, (const char *[]){"--listen", "127.0.0.1:0", "--allow-host", "wrenn.example.com:8443", "--allow-host",
                                "box", NULL});
    check_hosts(&s, ours, 200, 401);
    check_hosts(&s, foreign, 403, 403);
    /* Who has no browser asks as before. */
    CHECK_INT(ask(&s, "GET /nothing", "Host: localhost\r\n", NULL), 404);
    tear_down(&s);
}

TEST(addresses_are_names_where_all_are_listened_on) {
    static const char *const ours[] = {"10.1.2.3:PORT", "[fe80::1]", "localhost", NULL};
    static const char *const foreign[] = {"evil.example", "10.1.2.3.evil.example", "10.1.2", NULL};
    setup s;
    set_up(&s, (const char *[]){"--listen", "0.0.0.0:0", NULL});
    check_hosts(&s, ours, 200, 401);
    check_hosts(&s, foreign, 403, 403);
    tear_down(&s);
}

TEST(ports_of_sandboxes_have_names_of_ours) {
    static const struct {
        const char *host;
        int status;
    } cases[] = {
        {"8080-cl-0000000000000000000000000.localhost:PORT", 404}, {"8080-CL-0000000000000000000000000.LOCALHOST", 404},
        {"8080-cl-0000000000000000000000000.127.0.0.1:PORT", 404}, {"8080-cl-0000000000000000000000000.box", 404},
        {"8080-cl-0000000000000000000000000.evil.example", 403},   {"8080-cl-0000000000000000000000000.x.box", 403},
    };
    setup s;
    set_up(&s, (const char *[]){"--listen", "127.0.0.1:0", "--allow-host", "box", NULL});
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char fields[200];
        /* Pages there have neighbours and rules of their own. */
        snprintf(fields, sizeof(fields), "Host: %s\r\nOrigin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n",
                 cases[i].host);
        int got = ask(&s, "GET /", fields, NULL);
        CHECK_MSG(got == cases[i].status, "%s: %d", cases[i].host, got);
    }
    tear_down(&s);
}

TEST(pages_of_other_origins_are_refused) {
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"", 401},
        {"Origin: http://localhost:PORT\r\n", 401},
        {"Origin: HTTP://LOCALHOST:PORT\r\nSec-Fetch-Site: same-origin\r\n", 401},
        {"Sec-Fetch-Site: none\r\n", 401},
        {"Origin: https://wrenn.example.com\r\n", 401},
        {"Origin: https://evil.example\r\n", 403},
        {"Origin: http://localhost\r\n", 403},
        {"Origin: http://localhost:1\r\n", 403},
        {"Origin: https://localhost\r\n", 403},
        {"Origin: http://127.0.0.1:PORT\r\n", 403},
        {"Origin: http://8080-cl-0000000000000000000000000.localhost:PORT\r\n", 403},
        {"Origin: http://localhost:PORT.evil.example\r\n", 403},
        {"Origin: http://localhost:PORT@evil.example\r\n", 403},
        {"Origin: null\r\n", 403},
        {"Origin: \r\n", 403},
        {"Origin: file://\r\n", 403},
        {"Origin: chrome-extension://localhost:PORT\r\n", 403},
        {"Origin: http://localhost:PORT\r\nOrigin: https://evil.example\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\n", 403},
        {"Sec-Fetch-Site: Cross-Site\r\n", 403},
        {"Origin: http://localhost:PORT\r\nSec-Fetch-Site: cross-site\r\n", 403},
    };
    static const char *const lines[] = {"GET /v1/sandboxes", "DELETE /v1/capsules/cl-0000000000000000000000000",
                                        "POST /v1/sandboxes"};
    setup s;
    set_up(&s, (const char *[]){"--listen", "127.0.0.1:0", "--allow-host", "wrenn.example.com", NULL});
    for (size_t i = 0; i < WRN_COUNT(cases); i++)
        for (size_t j = 0; j < WRN_COUNT(lines); j++) {
            char fields[400];
            snprintf(fields, sizeof(fields), "Host: localhost:PORT\r\n%s", cases[i].fields);
            int got = ask(&s, lines[j], fields, "{}");
            CHECK_MSG(got == cases[i].status, "%s with %s gave %d", lines[j], cases[i].fields, got);
        }
    /* A preflight, and an upgrade before anybody is known. */
    CHECK_INT(ask(&s, "OPTIONS /v1/sandboxes", "Host: localhost:PORT\r\nOrigin: https://evil.example\r\n", NULL), 403);
    static const char upgrade[] = PEER_UPGRADE "Host: localhost:PORT\r\nOrigin: https://evil.example\r\n";
    CHECK_INT(ask(&s, "GET /v1/sandboxes/cl-0000000000000000000000000/pty", upgrade, NULL), 403);
    tear_down(&s);
}

/* No browser reaches a Unix socket, but what stands before one may pass a browser's words on. */
TEST(a_socket_goes_by_any_name_but_not_with_any_origin) {
    test_daemon d;
    daemon_start(&d, NULL);
    CHECK_STATUS(request(&d, "GET", "/health", "Origin: http://x", NULL), 200);
    CHECK_STATUS(request(&d, "GET", "/health", "Origin: http://y", NULL), 403);
    daemon_stop(&d);
}

#define ADA "{\"email\":\"ada@example.org\",\"password\":\"12345678\"}"
#define BOB "{\"email\":\"bob@example.org\",\"password\":\"12345678\"}"

TEST(nobody_signs_up_unless_told_otherwise) {
    static const struct {
        const char *who, *fields;
        int status;
    } cases[] = {
        {NULL, "", 403},
        {"off", "", 403},
        {"local", "X-Forwarded-For: 10.1.2.3\r\n", 403},
        {"local", "Forwarded: for=10.1.2.3\r\n", 403},
        {"local", "", 201},
        {"open", "X-Forwarded-For: 10.1.2.3\r\n", 409},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        setup s;
        char fields[200];
        set_up(&s, (const char *[]){"--listen", "127.0.0.1:0", cases[i].who ? "--signup" : NULL, cases[i].who, NULL});
        snprintf(fields, sizeof(fields), "Host: localhost\r\n%s", cases[i].fields);
        int got = ask(&s, "POST /v1/auth/signup", fields, ADA);
        CHECK_MSG(got == cases[i].status, "case %zu: %d", i, got);
        tear_down(&s);
    }
    int status;
    char *said = daemon_run((const char *[]){"--data-dir", "/nonexistent", "--signup", "all", NULL}, &status);
    CHECK_INT(status, 2);
    CHECK_CONTAINS(said, "off, local or open");
    free(said);
}

TEST(forms_are_no_json) {
    static const struct {
        const char *type;
        int status;
    } cases[] = {
        {"application/json", 201},
        {"Application/JSON; charset=utf-8", 409},
        {"text/plain", 415},
        {"application/x-www-form-urlencoded", 415},
        {"multipart/form-data; boundary=b", 415},
        {"", 415},
        {"application/jsonp", 415},
        {"text/plain; application/json", 415},
    };
    setup s;
    set_up(&s, (const char *[]){"--listen", "127.0.0.1:0", "--signup", "open", NULL});
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char fields[200];
        snprintf(fields, sizeof(fields), "Host: localhost\r\nContent-Type: %s\r\n", cases[i].type);
        int got = ask(&s, "POST /v1/auth/signup", fields, BOB);
        CHECK_MSG(got == cases[i].status, "%s: %d", cases[i].type, got);
    }
    tear_down(&s);
}

TEST_MAIN
