/* What the gate reads of strangers: DNS, and the first bytes of TLS and HTTP. */
#include "gate/dns.h"
#include "gate/hello.h"
#include "test.h"

/* ---- DNS ---- */

/* A question for "a.test", type A, as text with its size. */
#define QUESTION "\0\7\1\0\0\1\0\0\0\0\0\0\1a\4TesT\0\0\1\0\1"
#define ANSWER_HEAD(count) "\0\7\x81\x80\0\1\0" count "\0\0\0\0\1a\4test\0\0\1\0\1"
#define READ(text, out) wrn_dns_read_question((const uint8_t *)(text), sizeof(text) - 1, out)
#define READ_ANSWER(text, result) \
    wrn_dns_read_answer((const uint8_t *)(text), sizeof(text) - 1, 7, "a.test", WRN_DNS_A, result, &truncated)

TEST(questions_are_read) {
    wrn_dns_question q;
    CHECK(READ(QUESTION, &q));
    CHECK_STR(q.name, "a.test");
    CHECK_INT(q.type, WRN_DNS_A);
    CHECK_INT(q.size, sizeof(QUESTION) - 1);
    CHECK(!q.has_edns);
    CHECK(READ("\0\7\1\0\0\1\0\0\0\0\0\1\1a\0\0\1\0\1\0\0\x29\4\xd0\0\0\0\0\0\0", &q));
    CHECK(q.has_edns);
}

TEST(questions_that_are_none_are_refused) {
    wrn_dns_question q;
    CHECK(!READ("", &q));
    CHECK(!READ("\0\7\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", &q)); /* a pointer to itself */
    CHECK(!READ("\0\7\1\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1", &q));    /* two questions */
    CHECK(!READ("\0\7\x81\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", &q));  /* an answer */
    CHECK(!READ("\0\7\x29\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", &q));  /* an update */
    CHECK(!READ("\0\7\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\3", &q));    /* class CHAOS */
    CHECK(!READ("\0\7\1\0\0\1\0\0\0\0\0\0\3a.b\0\0\1\0\1", &q));  /* a dot within a label */
    CHECK(!READ("\0\7\1\0\0\1\0\0\0\0\0\0\1\0\0\0\1\0\1", &q));   /* NUL within a label */
    CHECK(!READ("\0\7\1\0\0\1\0\0\0\0\0\0\x3f"
                "a\0\0\1\0\1",
                &q)); /* a label beyond the end */
}

TEST(answers_say_what_they_were_asked) {
    wrn_dns_question q;
    uint8_t out[WRN_DNS_ANSWER_MAX];
    wrn_dns_result result = {.count = 16, .ttl = 60}, back;
    bool truncated;
    for (size_t i = 0; i < 16; i++) result.addresses[i] = wrn_address_v4((const uint8_t[]){198, 51, 100, (uint8_t)i});
    CHECK(READ(QUESTION, &q));
    size_t size = wrn_dns_write_answer(out, (const uint8_t *)QUESTION, &q, &result);
    CHECK(size <= 512);
    CHECK(memcmp(out + 12, "\1a\4TesT", 7) == 0); /* with the case of the question */
    CHECK(wrn_dns_read_answer(out, size, 7, "a.test", WRN_DNS_A, &back, &truncated));
    CHECK_INT(back.count, 16);
    CHECK_INT(back.ttl, 60);
    CHECK(wrn_address_equal(&back.addresses[15], &result.addresses[15]));
}

TEST(aliases_are_followed) {
    wrn_dns_result r;
    bool truncated;
    CHECK(READ_ANSWER(ANSWER_HEAD("\2") "\xc0\x0c\0\5\0\1\0\0\0\x1e\0\4\1b\xc0\x0e\xc0\x24\0\1\0\1\0\0\1\0\0\4\1\2\3\4",
                      &r));
    CHECK_INT(r.count, 1);
    CHECK_INT(r.ttl, 30);
    CHECK_INT(r.addresses[0].bytes[15], 4);
    /* the address of somebody else does not count */
    CHECK(READ_ANSWER(ANSWER_HEAD("\1") "\1x\0\0\1\0\1\0\0\1\0\0\4\1\2\3\4", &r));
    CHECK_INT(r.count, 0);
    /* lifetimes are bounded */
    CHECK(READ_ANSWER(ANSWER_HEAD("\1") "\xc0\x0c\0\1\0\1\x7f\xff\xff\xff\0\4\1\2\3\4", &r));
    CHECK_INT(r.ttl, WRN_DNS_TTL_MAX);
}

TEST(answers_to_something_else_are_refused) {
    wrn_dns_result r;
    bool truncated;
    CHECK(!READ_ANSWER("\0\x08\x81\x80\0\1\0\0\0\0\0\0\1a\4test\0\0\1\0\1", &r)); /* another id */
    CHECK(!READ_ANSWER("\0\7\x81\x80\0\1\0\0\0\0\0\0\1b\4test\0\0\1\0\1", &r));   /* another name */
    CHECK(!READ_ANSWER("\0\7\x81\x80\0\1\0\0\0\0\0\0\1a\4test\0\0\x1c\0\1", &r));
    CHECK(!READ_ANSWER("\0\7\1\x80\0\1\0\0\0\0\0\0\1a\4test\0\0\1\0\1", &r)); /* a question */
    CHECK(!READ_ANSWER(ANSWER_HEAD("\1") "\xc0\x21\0\1\0\1", &r));            /* a pointer forward */
    CHECK(!READ_ANSWER(ANSWER_HEAD("\1") "\xc0\x0c\0\1\0\1\0\0\0\1\0\5\1\2\3\4", &r));
}

/* ---- TLS ---- */

#define HELLO_HEAD "\3\3RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR\0\0\2\x13\1\1\0"
#define NAME_EXTENSION "\0\0\0\x0b\0\x09\0\0\6a.TeSt"

static size_t hello(uint8_t *out, const char *extensions, size_t size, size_t record_max) {
    uint8_t shake[2048] = {1};
    size_t used = 4, head = sizeof(HELLO_HEAD) - 1, at = 0;
    memcpy(shake + used, HELLO_HEAD, head);
    used += head;
    shake[used++] = (uint8_t)(size >> 8);
    shake[used++] = (uint8_t)size;
    memcpy(shake + used, extensions, size);
    used += size;
    shake[2] = (uint8_t)((used - 4) >> 8);
    shake[3] = (uint8_t)(used - 4);
    for (size_t from = 0; from < used; from += record_max) {
        size_t piece = used - from < record_max ? used - from : record_max;
        memcpy(out + at, (uint8_t[]){22, 3, 1, (uint8_t)(piece >> 8), (uint8_t)piece}, 5);
        memcpy(out + at + 5, shake + from, piece);
        at += 5 + piece;
    }
    return at;
}

#define HELLO(extensions, record_max) (size = hello(bytes, extensions, sizeof(extensions) - 1, record_max))

TEST(tls_names_its_server) {
    uint8_t bytes[4096];
    char name[WRN_NAME_MAX + 1] = "";
    size_t size;
    for (size_t record = 1; record < 100; record += 13) {
        HELLO("\0\x17\0\0" NAME_EXTENSION "\0\x2b\0\3\2\3\4", record);
        for (size_t cut = 0; cut < size; cut++) CHECK_INT(wrn_hello_tls(bytes, cut, name), WRN_HELLO_MORE);
        CHECK_INT(wrn_hello_tls(bytes, size, name), WRN_HELLO_NAMED);
        CHECK_STR(name, "a.test");
    }
}

TEST(tls_without_one_clear_name_is_unclear) {
    uint8_t bytes[4096];
    char name[WRN_NAME_MAX + 1];
    size_t size;
    HELLO("\0\x17\0\0", 1000);
    CHECK_INT(wrn_hello_tls(bytes, size, name), WRN_HELLO_UNNAMED);
    HELLO(NAME_EXTENSION NAME_EXTENSION, 1000);
    CHECK_INT(wrn_hello_tls(bytes, size, name), WRN_HELLO_UNCLEAR);
    HELLO("\0\0\0\x14\0\x12\0\0\6a.test\0\0\6b.test", 1000); /* two names in one extension */
    CHECK_INT(wrn_hello_tls(bytes, size, name), WRN_HELLO_UNCLEAR);
    HELLO("\0\0\0\x0b\0\x09\0\0\6a\0test", 1000);
    CHECK_INT(wrn_hello_tls(bytes, size, name), WRN_HELLO_UNCLEAR);
    HELLO("\0\0\0\x0b\0\x09\0\0\7a.test", 1000);
    CHECK_INT(wrn_hello_tls(bytes, size, name), WRN_HELLO_UNCLEAR);
    CHECK_INT(wrn_hello_tls((const uint8_t *)"SSH-2.0-x\r\n", 11, name), WRN_HELLO_UNNAMED);
    CHECK_INT(wrn_hello_tls((const uint8_t *)"GET / HTTP/1.1\r\n", 16, name), WRN_HELLO_UNNAMED);
    CHECK_INT(wrn_hello_tls((const uint8_t *)"\x16\3\1\0\4\2", 6, name), WRN_HELLO_UNCLEAR); /* a hello of servers */
    CHECK_INT(wrn_hello_tls((const uint8_t *)"\x16\3\1\0\4\1\1\0\0", 9, name), WRN_HELLO_UNCLEAR); /* too long */
    CHECK_INT(wrn_hello_tls((const uint8_t *)"\x16\3\1\0\0", 5, name), WRN_HELLO_UNCLEAR);
}

/* ---- HTTP ---- */

static wrn_hello http(const char *text, char name[WRN_NAME_MAX + 1]) {
    return wrn_hello_http((const uint8_t *)text, strlen(text), name);
}

TEST(http_names_its_server) {
    char name[WRN_NAME_MAX + 1];
    const char *text = "GET /x HTTP/1.1\r\nAccept: */*\r\nhOsT:  A.tEsT:8080 \r\n\r\nbody\nHost: b\r\n";
    CHECK_INT(http(text, name), WRN_HELLO_NAMED);
    CHECK_STR(name, "a.test");
    size_t head = (size_t)(strstr(text, "\r\n\r\n") + 4 - text);
    for (size_t cut = 0; cut < head; cut++) CHECK_INT(wrn_hello_http((const uint8_t *)text, cut, name), WRN_HELLO_MORE);
}

TEST(a_target_may_name_the_host_once_more) {
    char name[WRN_NAME_MAX + 1];
    CHECK_INT(http("GET http://A.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n", name), WRN_HELLO_NAMED);
    CHECK_STR(name, "a.test");
    CHECK_INT(http("GET HTTP://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n", name), WRN_HELLO_NAMED);
    CHECK_INT(http("GET http://a.test:80?x HTTP/1.0\r\nX: y\r\nHost: a.test\r\n\r\n", name), WRN_HELLO_NAMED);
    CHECK_INT(http("GET http://203.0.113.7/ HTTP/1.1\r\nHost: 203.0.113.7\r\n\r\n", name), WRN_HELLO_ADDRESS);
}

TEST(http_that_could_be_read_in_two_ways_is_unclear) {
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nX: y\r\n\r\n",
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://b.a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a\\@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a#b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
        "GET http://1.2.3.4/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http:a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET //b/ \x01HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\nHost: b\n\nX: y\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nX: y\r\n Host: b\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\rHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        " GET / HTTP/1.1\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "get /\r\n",
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\r\nHost: b\n",
        "GET\t/ HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: 1.2.3.4\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: b\r\nHost: 1.2.3.4\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 1.2.3.4/24\r\n\r\n",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    };
    char name[WRN_NAME_MAX + 1];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_MSG(http(bad[i], name) == WRN_HELLO_UNCLEAR, "%d: %s", (int)http(bad[i], name), bad[i]);
}

TEST(http_at_an_address_and_other_protocols_name_no_server) {
    char name[WRN_NAME_MAX + 1];
    CHECK_INT(http("GET / HTTP/1.1\r\nHost: 203.0.113.7\r\n\r\n", name), WRN_HELLO_ADDRESS);
    CHECK_INT(http("GET / HTTP/1.1\r\nHost: 203.0.113.7:80\r\n\r\n", name), WRN_HELLO_ADDRESS);
    CHECK_INT(http("GET / HTTP/1.0\r\nHost: [2001:db8::1]:80\r\n\r\n", name), WRN_HELLO_ADDRESS);
    CHECK_INT(http("SSH-2.0-x\r\n", name), WRN_HELLO_UNNAMED);
    CHECK_INT(http("\x16\3\1", name), WRN_HELLO_UNNAMED);
}

TEST(a_head_without_end_is_given_up) {
    static const char begin[] = "GET / HTTP/1.1\r\n";
    uint8_t bytes[16384]; /* servers take as much, or less */
    char name[WRN_NAME_MAX + 1];
    memset(bytes, 'a', sizeof(bytes));
    for (size_t i = 0; begin[i]; i++) bytes[i] = (uint8_t)begin[i];
    CHECK_INT(wrn_hello_http(bytes, sizeof(bytes) - 1, name), WRN_HELLO_MORE);
    CHECK_INT(wrn_hello_http(bytes, sizeof(bytes), name), WRN_HELLO_UNCLEAR);
}

TEST_MAIN
