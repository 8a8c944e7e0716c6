/* What a server may answer to a WebSocket's opening handshake, in all forms that HTTP has for it. */
#include <stdio.h>
#include <string.h>

#include "test.h"
#include "wire/upgrade.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455 section 1.3 */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define OPEN "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n"

static const struct {
    const char *text;
    wrn_upgrade_step step;
    int status;
    const char *body; /* when refused */
} answers[] = {
    {"HTTP/1.1 101 Switching Protocols\r\n" OPEN "\r\n", WRN_UPGRADE_OPEN, 101, NULL},
    {"HTTP/1.1 101 \r\n" OPEN "\r\n", WRN_UPGRADE_OPEN, 101, NULL},
    {"HTTP/1.1 101\r\n" OPEN "\r\n", WRN_UPGRADE_OPEN, 101, NULL},
    {"HTTP/1.1 101 X\nUpgrade:websocket\nConnection:upgrade\nsec-websocket-accept:" ACCEPT "\n\n", WRN_UPGRADE_OPEN,
     101, NULL},
    /* 1xx on the way */
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 X\r\n" OPEN "\r\n", WRN_UPGRADE_OPEN, 101, NULL},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: close\r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 101 X\r\n" OPEN
     "\r\n",
     WRN_UPGRADE_OPEN, 101, NULL},
    {"HTTP/1.1 103\n\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", WRN_UPGRADE_REFUSED, 404, "no"},
    /* lists in several fields, and fields in several lines */
    {"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nConnection: keep-alive\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n"
     "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
     WRN_UPGRADE_OPEN, 101, NULL},
    {"HTTP/1.1 101 X\r\nConnection: keep-alive,\r\n  Upgrade\r\nUpgrade:\r\n\twebsocket\r\nSec-WebSocket-Accept:\n " ACCEPT
     " \r\n\r\n",
     WRN_UPGRADE_OPEN, 101, NULL},
    /* refusals */
    {"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nn\r\n01\r\no\r\n0\r\nT: railer\r\n\r\n",
     WRN_UPGRADE_REFUSED, 404, "no"},
    {"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\nno\r\n0\r\n\r\n",
     WRN_UPGRADE_REFUSED, 404, "no"},
    {"HTTP/1.0 404\r\n\r\nno", WRN_UPGRADE_MORE, 404, "no"}, /* until the end of the connection */
    {"HTTP/1.1 204 No Content\r\n\r\n", WRN_UPGRADE_REFUSED, 204, ""},
    {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", WRN_UPGRADE_REFUSED, 204, ""},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", WRN_UPGRADE_REFUSED, 304, ""},
    {"HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n", WRN_UPGRADE_REFUSED, 700, ""},
    /* nonsense */
    {"\n\n", WRN_UPGRADE_BAD, 0, NULL},
    {"\r\n\r\n", WRN_UPGRADE_BAD, 0, NULL},
    {"\n \n\n", WRN_UPGRADE_BAD, 0, NULL},
    {"HTTP/1.1 1010 X\r\n" OPEN "\r\n", WRN_UPGRADE_BAD, 0, NULL},
    {"HTTP/1.1 10\r\n" OPEN "\r\n", WRN_UPGRADE_BAD, 0, NULL},
    {"HTTP/1.1 101 X\r\nno colon\r\n" OPEN "\r\n", WRN_UPGRADE_BAD, 101, NULL},
    {"HTTP/1.1 101 X\r\n" OPEN "Sec-WebSocket-Protocol: other\r\n\r\n", WRN_UPGRADE_BAD, 101, NULL},
    {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", WRN_UPGRADE_BAD, 101, NULL},
};

static wrn_upgrade_step feed(wrn_upgrade *u, const char *text, size_t size, size_t piece, size_t *used) {
    wrn_upgrade_step step = WRN_UPGRADE_MORE;
    *used = 0;
    for (size_t at = 0, now; at < size && step == WRN_UPGRADE_MORE; at += piece) {
        step = wrn_upgrade_feed(u, text + at, size - at < piece ? size - at : piece, &now);
        *used = at + now;
    }
    return step;
}

TEST(answers_of_all_forms_in_pieces_of_any_size) {
    for (size_t i = 0; i < WRN_COUNT(answers); i++) {
        size_t size = strlen(answers[i].text), used;
        for (size_t piece = 1; piece <= size; piece++) {
            wrn_upgrade u;
            wrn_upgrade_init(&u, KEY, NULL);
            wrn_upgrade_step step = feed(&u, answers[i].text, size, piece, &used);
            CHECK_MSG(step == answers[i].step && u.status == answers[i].status, "%s: %d, status %d (%s)",
                      answers[i].text, step, u.status, u.why ? u.why : "");
            if (step == WRN_UPGRADE_OPEN) CHECK_INT(used, size);
            if (step == WRN_UPGRADE_MORE) CHECK_INT(wrn_upgrade_end(&u), WRN_UPGRADE_REFUSED);
            if (answers[i].body)
                CHECK_MEM(u.body.data ? u.body.data : "", u.body.size, answers[i].body, strlen(answers[i].body));
            wrn_upgrade_clear(&u);
        }
    }
}

TEST(a_head_that_breaks_off_opens_nothing) {
    for (size_t i = 0; i < WRN_COUNT(answers); i++) {
        if (answers[i].step != WRN_UPGRADE_OPEN) continue;
        for (size_t size = 0, used; size < strlen(answers[i].text); size++) {
            wrn_upgrade u;
            wrn_upgrade_init(&u, KEY, NULL);
            CHECK_INT(feed(&u, answers[i].text, size, 7, &used), WRN_UPGRADE_MORE);
            CHECK_INT(wrn_upgrade_end(&u), WRN_UPGRADE_BAD);
            wrn_upgrade_clear(&u);
        }
    }
}

TEST(words_on_the_way_are_limited_each) {
    wrn_upgrade u;
    size_t used;
    wrn_upgrade_init(&u, KEY, NULL);
    static const char hint[] = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    for (int i = 0; i < 10000; i++) CHECK_INT(feed(&u, hint, sizeof(hint) - 1, 1000, &used), WRN_UPGRADE_MORE);
    CHECK(u.head.size == 0 && u.head.capacity <= 2 * WRN_UPGRADE_HEAD_MAX);
    static const char line[] = "Link: </a>; rel=preload\r\n";
    wrn_upgrade_step step = feed(&u, hint, 26, 26, &used);
    for (int i = 0; i < 1000 && step == WRN_UPGRADE_MORE; i++) step = feed(&u, line, sizeof(line) - 1, 100, &used);
    CHECK_INT(step, WRN_UPGRADE_BAD);
    wrn_upgrade_clear(&u);
}

TEST_MAIN
