/* The HTTP/1.1 seam with hostile input. */
#include <stdio.h>
#include <stdlib.h>

#include "server/http/http1.h"
#include "test.h"

static const wrn_http1_limits limits = {8192, 32768, 100};

/* What came of feeding a text in pieces of `step` bytes: as many characters as steps, and the bodies. */
typedef struct outcome {
    char steps[256];
    wrn_buf body;
    int status;
} outcome;

static outcome feed(const char *text, size_t size, size_t step) {
    outcome out = {.body = WRN_BUF_INIT};
    wrn_http1 h;
    wrn_http1_init(&h, &limits);
    size_t count = 0;
    wrn_http1_step got = WRN_HTTP1_MORE;
    for (size_t at = 0; at < size && got != WRN_HTTP1_BAD;) {
        size_t piece = size - at < step ? size - at : step, end = at + piece;
        do {
            size_t used;
            /* An exact copy, so that a sanitizer sees reads past its end. */
            char *copy = malloc(end - at + 1);
            memcpy(copy, text + at, end - at);
            got = wrn_http1_feed(&h, copy, end - at, &used);
            CHECK(used <= end - at);
            if (got == WRN_HTTP1_BODY) wrn_buf_put(&out.body, h.piece, h.piece_size);
            free(copy);
            at += used;
            if (got == WRN_HTTP1_HEAD && count < 200) out.steps[count++] = 'H';
            if (got == WRN_HTTP1_END && count < 200) out.steps[count++] = 'E';
            if (got == WRN_HTTP1_BAD) out.steps[count++] = '!';
        } while (got != WRN_HTTP1_MORE && got != WRN_HTTP1_BAD);
        CHECK(got == WRN_HTTP1_BAD || at == end);
    }
    if (got == WRN_HTTP1_BAD) {
        size_t used;
        out.status = h.status;
        CHECK(h.why && h.status >= 400);
        CHECK(wrn_http1_feed(&h, "GET / HTTP/1.1\r\n\r\n", 18, &used) == WRN_HTTP1_BAD);
    }
    wrn_http1_free(&h);
    return out;
}

TEST(heads_are_taken_apart) {
    static const char text[] = "POST /a%20b/c?d=e&f HTTP/1.1\r\nHOST:  x \r\nX-Empty:\r\nX-Multi: a \t b\t\r\n"
                               "Content-Length: 3\r\nConnection: Foo, CLOSE\r\nExpect: 100-Continue\r\n\r\n";
    wrn_http1 h;
    size_t used;
    wrn_http1_init(&h, &limits);
    CHECK(wrn_http1_feed(&h, text, sizeof(text) - 1, &used) == WRN_HTTP1_HEAD);
    CHECK_INT(used, sizeof(text) - 1);
    wrn_http_head head = h.ready;
    h.ready = (wrn_http_head){0};
    CHECK_STR(head.method, "POST");
    CHECK_STR(head.path, "/a%20b/c");
    CHECK_STR(head.query, "d=e&f");
    CHECK_STR(wrn_http_head_get(&head, "host"), "x");
    CHECK_STR(wrn_http_head_get(&head, "x-empty"), "");
    CHECK_STR(wrn_http_head_get(&head, "x-multi"), "a \t b");
    CHECK(!wrn_http_head_get(&head, "x-none"));
    CHECK_INT(head.count, 6);
    CHECK_INT(head.content_length, 3);
    CHECK(!head.keep_alive && head.expect_continue);
    CHECK(!wrn_http1_has_begun(&h));
    CHECK(wrn_http1_feed(&h, "abcGE", 5, &used) == WRN_HTTP1_BODY);
    CHECK_MEM(h.piece, h.piece_size, "abc", 3);
    CHECK(wrn_http1_feed(&h, "GE", 2, &used) == WRN_HTTP1_END);
    CHECK_INT(used, 0);
    CHECK(wrn_http1_feed(&h, "GE", 2, &used) == WRN_HTTP1_MORE);
    CHECK(wrn_http1_has_begun(&h));
    wrn_http_head_free(&head);
    wrn_http1_free(&h);
}

TEST(targets_in_all_their_forms) {
    static const struct {
        const char *target, *path, *query; /* path NULL: refused */
    } cases[] = {
        {"/", "/", ""},
        {"/?", "/", ""},
        {"/a?b?c", "/a", "b?c"},
        {"http://host/a?b", "/a", "b"},
        {"HTTPS://host:1/a", "/a", ""},
        {"http://host", "/", ""},
        {"http://host?a", "/", "a"},
        {"http://", NULL, NULL},
        {"http:///a", NULL, NULL},
        {"ftp://host/a", NULL, NULL},
        {"*", NULL, NULL},
        {"a", NULL, NULL},
        {"/a#b", NULL, NULL},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char text[256];
        size_t used;
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].target);
        wrn_http1 h;
        wrn_http1_init(&h, &limits);
        wrn_http1_step step = wrn_http1_feed(&h, text, strlen(text), &used);
        CHECK_MSG((step == WRN_HTTP1_HEAD) == (cases[i].path != NULL), "%s", cases[i].target);
        if (cases[i].path) CHECK_STR(h.ready.path, cases[i].path);
        if (cases[i].path) CHECK_STR(h.ready.query, cases[i].query);
        wrn_http1_free(&h);
    }
}

static const struct {
    const char *text, *steps, *body;
    int status;
} requests[] = {
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HE", "", 0},
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "HEHE", "", 0},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n\r\n", "HE", "", 0},
    {"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
     "HEHE", "", 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "HEHE", "", 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
     "helloPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n!",
     "HEHE", "hello!", 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
     "3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
     "HE", "abc0123456789", 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
     "1\r\na\r\n0\r\nT: v\r\nU: w\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
     "HEHE", "a", 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "H!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\n", "H!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "H!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n", "H!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "H!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "H!", "a", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n", "H!", "a", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;\x01\r\n", "H!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: v\n\r\n", "H!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n", "!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", "!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1 1\r\n\r\n", "!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n", "!", "", 501},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \r\n\r\n", "!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\nContent-Length: 1\r\n\r\n", "!", "", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "!", "", 501},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked,\r\n\r\n", "!", "", 501},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", "!", "", 501},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip,\tChunked\r\n\r\n", "!", "", 501},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "!", "", 501},
    {"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", "!", "", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n", "!", "", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA\t: b\r\n\r\n", "!", "", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: b\x01\r\n\r\n", "!", "", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: b\x7f\r\n\r\n", "!", "", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", "!", "", 400},
    {"GET / HTTP/1.1\r\n Host: x\r\n\r\n", "!", "", 400},
    {"GET  / HTTP/1.1 \r\nHost: x\r\n\r\n", "!", "", 400},
    {"get / HTTP/1.1\r\nHost: x\r\n\r\n", "!", "", 400},
    {"GET / HTTP/1.2\r\nHost: x\r\n\r\n", "!", "", 400},
    {"GET / HTTP/3.1\r\nHost: x\r\n\r\n", "!", "", 400},
    {"GET / RTSP/1.0\r\nHost: x\r\n\r\n", "!", "", 400},
    {"SOURCE / ICE/1.0\r\nHost: x\r\n\r\n", "!", "", 400},
    {"GET / http/1.1\r\nHost: x\r\n\r\n", "!", "", 400},
    {"GET /\r\n\r\n", "!", "", 400},
    {"HTTP/1.1 200 OK\r\nHost: x\r\n\r\n", "!", "", 400},
};

TEST(requests_come_out_the_same_however_they_are_cut) {
    for (size_t i = 0; i < WRN_COUNT(requests); i++) {
        size_t size = strlen(requests[i].text);
        for (size_t step = 1; step <= size; step++) {
            outcome out = feed(requests[i].text, size, step);
            CHECK_MSG(strcmp(out.steps, requests[i].steps) == 0, "case %zu in pieces of %zu: %s, not %s: %s", i, step,
                      out.steps, requests[i].steps, requests[i].text);
            CHECK_INT(out.status, requests[i].status);
            if (!out.status) CHECK_STR(out.body.data ? out.body.data : "", requests[i].body);
            wrn_buf_free(&out.body);
        }
    }
}

TEST(endless_framing_is_refused) {
    wrn_buf text = WRN_BUF_INIT;
    wrn_buf_puts(&text, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    for (int i = 0; i < 20000; i++) wrn_buf_putc(&text, 'x');
    outcome out = feed(text.data, text.size, 1000);
    CHECK_STR(out.steps, "H!");
    wrn_buf_free(&out.body);
    wrn_buf_clear(&text);
    wrn_buf_puts(&text, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    for (int i = 0; i < 4000; i++) wrn_buf_puts(&text, "T: v\r\n");
    out = feed(text.data, text.size, 1000);
    CHECK_STR(out.steps, "H!");
    wrn_buf_free(&out.body);
    wrn_buf_clear(&text);
    for (int i = 0; i < 20000; i++) wrn_buf_puts(&text, "\r\n");
    out = feed(text.data, text.size, 1000);
    CHECK_INT(out.status, 431);
    wrn_buf_free(&out.body);
    wrn_buf_free(&text);
}

TEST_MAIN
