/* Requests with headers that are added, and requests that could be read in two ways. */
#include <stdlib.h>

#include "gate/inject.h"
#include "test.h"

#define HOST "Host: api.test\r\n"
#define ADDED "X-Key: s3cret\r\n"

static char name[] = "X-Key", value[] = "s3cret";
static wrn_injection key = {name, value};
static const wrn_inject_host host = {.name = "api.test", .port = 443, .headers = &key, .count = 1};

/* What goes to the host, or the status of the refusal, for bytes that come in pieces of that size. */
static char *sent(const char *bytes, size_t size, size_t piece) {
    wrn_injector in = wrn_injector_new(&host);
    wrn_buf out = WRN_BUF_INIT;
    const wrn_inject_refusal *why = NULL;
    for (size_t at = 0; at < size && !why; at += piece)
        why = wrn_inject(&in, bytes + at, size - at < piece ? size - at : piece, &out);
    if (why) {
        wrn_buf_clear(&out);
        wrn_buf_printf(&out, "%d", why->status);
    }
    wrn_injector_free(&in);
    return wrn_buf_steal(&out);
}

static void check_size(const char *bytes, size_t size, const char *want) {
    for (size_t piece = 1; piece <= 64; piece += 7) {
        char *got = sent(bytes, size, piece);
        CHECK_MSG(got && strcmp(got, want) == 0, "%s: %s", bytes, got ? got : "nothing");
        free(got);
    }
}
#define CHECK_SENT(bytes, want) check_size(bytes, sizeof(bytes) - 1, want)

TEST(a_header_is_added_to_each_request) {
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST "\r\n", "GET / HTTP/1.1\r\n" HOST ADDED "\r\n");
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.0\r\nHost: API.test:443\r\n\r\n",
               "GET / HTTP/1.1\r\n" HOST ADDED "\r\nGET /2 HTTP/1.0\r\nHost: API.test:443\r\n" ADDED "\r\n");
    CHECK_SENT("PUT / HTTP/1.1\r\nContent-Length: 4\r\n" HOST "\r\nGET \r\n\r\nOPTIONS * HTTP/1.1\r\n" HOST "\r\n",
               "PUT / HTTP/1.1\r\nContent-Length: 4\r\n" HOST ADDED "\r\nGET OPTIONS * HTTP/1.1\r\n" HOST ADDED "\r\n");
}

TEST(a_target_may_name_the_host_once_more) {
    CHECK_SENT("GET https://Api.test:443/ HTTP/1.1\r\n" HOST "\r\n",
               "GET https://Api.test:443/ HTTP/1.1\r\n" HOST ADDED "\r\n");
    CHECK_SENT("GET https://api.test HTTP/1.1\r\n" HOST "\r\n", "GET https://api.test HTTP/1.1\r\n" HOST ADDED "\r\n");
}

TEST(the_sandbox_has_no_header_of_that_name) {
    CHECK_SENT("GET / HTTP/1.1\r\nx-KEY: a\r\n" HOST "X_Key: b\r\n\r\n", "GET / HTTP/1.1\r\n" HOST ADDED "\r\n");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Key: a\r\nB: c\r\n\r\n",
               "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" ADDED "\r\n3\r\nabc\r\n0\r\nB: c\r\n\r\n");
}

TEST(requests_for_others_are_refused) {
    CHECK_SENT("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", "421");
    CHECK_SENT("GET / HTTP/1.1\r\nHost: api.test:80\r\n\r\n", "421");
    CHECK_SENT("GET / HTTP/1.1\r\nHost: api.test@other.test\r\n\r\n", "421");
    CHECK_SENT("GET / HTTP/1.1\r\nHost:\r\n\r\n", "421");
    CHECK_SENT("GET / HTTP/1.1\r\n\r\n", "400");
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST HOST "\r\n", "400");
    CHECK_SENT("GET https://other.test/ HTTP/1.1\r\n" HOST "\r\n", "421");
    CHECK_SENT("GET https://api.test:80/ HTTP/1.1\r\n" HOST "\r\n", "421");
    CHECK_SENT("GET https://api.test@other.test/ HTTP/1.1\r\n" HOST "\r\n", "421");
    CHECK_SENT("GET http://api.test/ HTTP/1.1\r\n" HOST "\r\n", "400");
    CHECK_SENT("GET https://api.test/ HTTP/1.1\r\n\r\n", "400");
    CHECK_SENT("CONNECT other.test:443 HTTP/1.1\r\n" HOST "\r\n", "405");
    CHECK_SENT("TRACE / HTTP/1.1\r\n" HOST "\r\n", "405");
}

TEST(what_can_be_read_in_two_ways_is_refused) {
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Transfer_Encoding: chunked\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Content-Length : 1\r\n\r\n", "400");
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", "400");
    CHECK_SENT("GET / HTTP/1.1\n" HOST "\r\n", "400");
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST "A: b\n\r\n", "400");
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST "A: b\rX-Key: c\r\n\r\n", "400");
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n", "400");
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST "Connection: close, Content-Length\r\n\r\n", "400");
    CHECK_SENT("GET / HTTP/2.0\r\n" HOST "\r\n", "400");
    CHECK_SENT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400");
    CHECK_SENT("GET  / HTTP/1.1\r\n" HOST "\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x3\r\n", "400");
    CHECK_SENT("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n", "400");
}

TEST(a_head_has_an_end) {
    wrn_buf head = WRN_BUF_INIT;
    wrn_buf_puts(&head, "GET / HTTP/1.1\r\n");
    while (head.size <= WRN_INJECT_HEAD_MAX) wrn_buf_puts(&head, "A: b\r\n");
    char *got = sent(head.data, head.size, 1000);
    CHECK_STR(got, "431");
    free(got);
    wrn_buf_free(&head);
}

TEST(a_websocket_is_opened_by_the_first_request) {
    static const char ask[] = "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n", "400");
    CHECK_SENT("GET / HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
               "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\n" ADDED "\r\n");
    for (int opens = 0; opens < 2; opens++) {
        wrn_injector in = wrn_injector_new(&host);
        wrn_buf out = WRN_BUF_INIT;
        CHECK(!wrn_inject(&in, ask, sizeof(ask) - 1, &out));
        CHECK_CONTAINS(out.data, ADDED);
        CHECK_INT(in.part, WRN_INJECT_WAIT);
        wrn_inject_answered(&in, "HTTP/1.1 ", 9);
        CHECK_INT(in.part, WRN_INJECT_WAIT);
        wrn_inject_answered(&in, opens ? "101 Switching" : "200 OK", 6);
        CHECK_INT(wrn_inject(&in, "\x81\n", 2, &out) == NULL, opens);
        wrn_injector_free(&in);
        wrn_buf_free(&out);
    }
}

TEST(headers_that_frame_requests_are_not_added) {
    CHECK(wrn_inject_name_ok("Authorization") && wrn_inject_name_ok("x-api-key"));
    CHECK(!wrn_inject_name_ok("") && !wrn_inject_name_ok("HOST") && !wrn_inject_name_ok("content-length"));
    CHECK(!wrn_inject_name_ok("a b") && !wrn_inject_name_ok("a:") && !wrn_inject_name_ok("Transfer-Encoding"));
}

TEST_MAIN
