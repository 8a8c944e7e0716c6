/* WebSocket framing against bytes written by hand, and both ends against each other in pieces of every size. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "test.h"
#include "wire/ws.h"

typedef struct end {
    wrn_ws *ws;
    wrn_buf got; /* "t:" or "b:", the message, "|" */
    int closed;
    size_t messages;
} end;

static void on_message(void *context, bool binary, const char *data, size_t size) {
    end *e = context;
    CHECK(!e->closed);
    wrn_buf_puts(&e->got, binary ? "b:" : "t:");
    wrn_buf_put(&e->got, data, size);
    wrn_buf_putc(&e->got, '|');
    e->messages++;
}

static void on_closed(void *context, int code) {
    end *e = context;
    CHECK(!e->closed);
    e->closed = code;
}

static void open_end(end *e, bool client, size_t max) {
    static const wrn_ws_events events = {on_message, on_closed};
    *e = (end){.ws = wrn_ws_new(client, max, &events, e)};
    CHECK(e->ws != NULL);
}

static void close_end(end *e) {
    wrn_ws_free(e->ws);
    wrn_buf_free(&e->got);
}

/* Sends what `from` has to `to`, `step` bytes at a time. */
static bool carry(end *from, end *to, size_t step) {
    wrn_buf *out = wrn_ws_out(from->ws);
    bool open = true;
    for (size_t at = 0; at < out->size && open; at += step)
        open = wrn_ws_feed(to->ws, out->data + at, out->size - at < step ? out->size - at : step);
    wrn_buf_clear(out);
    return open;
}

TEST(messages_cross_in_pieces_of_any_size) {
    static const size_t steps[] = {1, 2, 3, 5, 7, 64, 100000};
    static char large[70000];
    memset(large, 'x', sizeof(large));
    for (size_t i = 0; i < WRN_COUNT(steps); i++) {
        for (int client_sends = 0; client_sends < 2; client_sends++) {
            end a, b;
            open_end(&a, client_sends, 1 << 20);
            open_end(&b, !client_sends, 1 << 20);
            CHECK(wrn_ws_send(a.ws, false, "hello \xc3\xa4", 8));
            CHECK(wrn_ws_send(a.ws, true, "\0\xff", 2));
            CHECK(wrn_ws_send(a.ws, false, "", 0));
            CHECK(wrn_ws_send(a.ws, true, large, sizeof(large)));
            CHECK(carry(&a, &b, steps[i]));
            CHECK_INT(b.messages, 4);
            CHECK_MEM(b.got.data, 19, "t:hello \xc3\xa4|b:\0\xff|t:|", 19);
            CHECK_INT(b.got.size, 19 + 2 + sizeof(large) + 1);
            CHECK(wrn_ws_close(a.ws, WRN_WS_NORMAL));
            CHECK(!carry(&a, &b, steps[i]));
            CHECK_INT(b.closed, WRN_WS_NORMAL);
            CHECK(!carry(&b, &a, steps[i])); /* the answer */
            CHECK_INT(a.closed, WRN_WS_NORMAL);
            CHECK_INT(wrn_ws_problem(a.ws), 0);
            CHECK(!wrn_ws_send(a.ws, false, "late", 4));
            close_end(&a);
            close_end(&b);
        }
    }
}

TEST(pings_are_answered_between_fragments) {
    end e;
    open_end(&e, true, 1000);
    /* "Hel", a ping with "p", "lo", unmasked as servers send. */
    static const char bytes[] = "\x01\x03Hel\x89\x01p\x80\x02lo";
    for (size_t i = 0; i + 1 < sizeof(bytes); i++) CHECK(wrn_ws_feed(e.ws, bytes + i, 1));
    CHECK_MEM(e.got.data, e.got.size, "t:Hello|", 8);
    wrn_buf *out = wrn_ws_out(e.ws);
    CHECK(wrn_ws_pong(e.ws, out->size));
    CHECK_INT(out->size, 2 + 4 + 1);
    CHECK_INT((unsigned char)out->data[0], 0x8a);
    CHECK_INT((unsigned char)out->data[1], 0x81);
    close_end(&e);
}

/* One ping after the other, and the other end reads `each` bytes in between of what is unsent; 0: nothing ever. */
static void flood(bool client, size_t each, size_t pings) {
    end e;
    open_end(&e, client, 1000);
    char ping[] = "\x89\x84\0\0\0\0abcd";
    size_t largest = 0;
    for (size_t i = 0; i < pings; i++) {
        memcpy(ping + 6, &(uint32_t){(uint32_t)i}, 4);
        if (client) memcpy(ping + 2, ping + 6, 4);
        ping[1] = (char)(client ? 4 : 0x84);
        CHECK(wrn_ws_feed(e.ws, ping, client ? 6 : 10));
        wrn_buf *out = wrn_ws_out(e.ws);
        CHECK(wrn_ws_pong(e.ws, out->size));
        CHECK(wrn_ws_ping(e.ws, out->size));
        if (out->size > largest) largest = out->size;
        wrn_buf_consume(out, each < out->size ? each : out->size);
    }
    CHECK_MSG(largest < 100, "%zu bytes wait", largest);
    /* All is read: the latest ping is answered, and was not forgotten. */
    wrn_buf *out = wrn_ws_out(e.ws);
    wrn_buf_clear(out);
    CHECK(wrn_ws_pong(e.ws, 0));
    if (out->size) {
        CHECK_INT(out->size, client ? 10 : 6);
        uint32_t last;
        memcpy(&last, out->data + out->size - 4, 4);
        if (!client) CHECK_INT(last, pings - 1);
    }
    wrn_buf_clear(out);
    CHECK(wrn_ws_pong(e.ws, 0));
    CHECK_INT(out->size, 0);
    close_end(&e);
}

TEST(a_flood_of_pings_is_answered_by_the_latest_pong) {
    for (int client = 0; client < 2; client++) {
        static const size_t each[] = {0, 1, 3, 6, 7, 100};
        for (size_t i = 0; i < WRN_COUNT(each); i++) flood(client, each[i], 2000);
    }
}

TEST(a_pong_waits_for_the_one_before_it_and_for_nothing_else) {
    end e;
    open_end(&e, false, 1000);
    static const char one[] = "\x89\x81\0\0\0\0"
                              "1",
                      two[] = "\x89\x81\0\0\0\0"
                              "2";
    wrn_buf *out = wrn_ws_out(e.ws);
    CHECK(wrn_ws_send(e.ws, true, "unsent", 6));
    CHECK(wrn_ws_feed(e.ws, one, 7) && wrn_ws_pong(e.ws, out->size));
    CHECK_INT(out->size, 8 + 3); /* other messages are no reason to wait */
    CHECK(wrn_ws_feed(e.ws, two, 7) && wrn_ws_pong(e.ws, out->size));
    CHECK_INT(out->size, 8 + 3);
    wrn_buf_consume(out, 10); /* the last byte of the first answer is unsent */
    CHECK(wrn_ws_pong(e.ws, out->size));
    CHECK_INT(out->size, 1);
    CHECK(wrn_ws_pong(e.ws, 1000)); /* its owner has sent nothing of all that yet */
    CHECK_INT(out->size, 1);
    wrn_buf_consume(out, 1);
    CHECK(wrn_ws_pong(e.ws, 0));
    CHECK_MEM(out->data, out->size,
              "\x8a\x01"
              "2",
              3);
    close_end(&e);
}

/* What breaks RFC 6455, as a server sees it (W) or as a client does (C). */
static const struct {
    char who;
    const char *name, *bytes;
    size_t size;
    int code;
} broken[] = {
    {'W', "unmasked frame of a client", "\x81\x01x", 3, 1002},
    {'C', "masked frame of a server", "\x81\x81\0\0\0\0x", 7, 1002},
    {'C', "reserved bit", "\xc1\x01x", 3, 1002},
    {'C', "unknown opcode", "\x83\x01x", 3, 1002},
    {'C', "continuation of nothing", "\x80\x01x", 3, 1002},
    {'C', "new message inside another", "\x01\x01x\x81\x01y", 6, 1002},
    {'C', "fragmented ping", "\x09\x01x", 3, 1002},
    {'C', "ping of 126 bytes", "\x89\x7e\x00\x7e", 4, 1002},
    {'C', "text that is no UTF-8", "\x81\x01\xff", 3, 1007},
    {'C', "length not in the shortest form", "\x81\x7e\x00\x01x", 5, 1002},
    {'C', "length with the highest bit", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10, 1002},
    {'C', "close frame of one byte", "\x88\x01\x03", 3, 1002},
    {'C', "close code that must not be sent", "\x88\x02\x03\xed", 4, 1002},
    {'C', "message over the limit", "\x82\x7e\x03\xe9x", 5, 1009},
};

TEST(broken_rules_end_the_connection) {
    for (size_t i = 0; i < WRN_COUNT(broken); i++) {
        end e;
        open_end(&e, broken[i].who == 'C', 1000);
        bool open = wrn_ws_feed(e.ws, broken[i].bytes, broken[i].size);
        CHECK_MSG(!open, "%s: accepted", broken[i].name);
        CHECK_MSG(wrn_ws_problem(e.ws) == broken[i].code, "%s: code %d", broken[i].name, wrn_ws_problem(e.ws));
        CHECK_MSG(wrn_ws_out(e.ws)->size > 0, "%s: no close frame", broken[i].name);
        CHECK_MSG(!e.messages && !e.closed, "%s: reported as something else", broken[i].name);
        CHECK(!wrn_ws_feed(e.ws, "\x81\x01x", 3));
        close_end(&e);
    }
}

TEST(the_reason_of_a_close_frame_is_utf8_in_pieces_too) {
    for (size_t step = 1; step < 8; step++) {
        end e;
        open_end(&e, true, 100);
        static const char frame[] = "\x88\x05\x03\xe8\xe2ye";
        for (size_t at = 0; at < sizeof(frame) - 1; at += step) {
            size_t left = sizeof(frame) - 1 - at;
            wrn_ws_feed(e.ws, frame + at, left < step ? left : step);
        }
        CHECK_INT(e.closed, 0);
        CHECK_INT(wrn_ws_problem(e.ws), WRN_WS_BAD_TEXT);
        close_end(&e);
    }
}

TEST(close_frames_of_all_kinds) {
    static const struct {
        const char *bytes;
        size_t size;
        int code;
    } cases[] = {{"\x88\x00", 2, WRN_WS_NO_STATUS},
                 {"\x88\x02\x03\xe9", 4, 1001},
                 {"\x88\x05\x0f\xa0"
                  "bye",
                  7, 4000}};
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        end e;
        open_end(&e, true, 1000);
        CHECK(!wrn_ws_feed(e.ws, cases[i].bytes, cases[i].size));
        CHECK_INT(e.closed, cases[i].code);
        CHECK_INT(wrn_ws_problem(e.ws), 0);
        close_end(&e);
    }
}

TEST(the_handshake) {
    char accept[WRN_WS_ACCEPT_SIZE], key[WRN_WS_KEY_SIZE], other[WRN_WS_KEY_SIZE];
    wrn_ws_accept("dGhlIHNhbXBsZSBub25jZQ==", accept); /* RFC 6455 section 1.3 */
    CHECK_STR(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(wrn_ws_make_key(key) && wrn_ws_make_key(other));
    CHECK(strcmp(key, other) != 0);
    CHECK(wrn_ws_is_key(key));
    CHECK(!wrn_ws_is_key("") && !wrn_ws_is_key("dGhlIHNhbXBsZSBub25jZQ=") &&
          !wrn_ws_is_key("dGhlIHNhbXBsZSBub25jZSEh"));
    CHECK(wrn_list_has("keep-alive, Upgrade", "upgrade") && wrn_list_has("Upgrade", "upgrade"));
    CHECK(!wrn_list_has("upgrades, up grade", "upgrade") && !wrn_list_has("", "upgrade"));
}

TEST_MAIN
