#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

reply peer_ask(int fd, const char *path, const char *fields) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_buf_printf(&out, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, fields);
    send_bytes(fd, out.data, out.size);
    return read_reply(fd);
}

int peer_open(const test_daemon *d, const char *path, const char *more) {
    WRN_AUTO(wrn_buf_free) wrn_buf fields = WRN_BUF_INIT;
    wrn_buf_printf(&fields, PEER_UPGRADE "X-API-Key: %s\r\n%s", d->key, more);
    int fd = dial(d->socket);
    reply r = peer_ask(fd, path, fields.data);
    CHECK_MSG(r.status == 101, "%s: %d %s", path, r.status, r.body);
    CHECK_CONTAINS(r.head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    reply_free(&r);
    return fd;
}

void peer_send(int fd, int first, const void *data, size_t size) {
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_buf_putc(&out, (char)first);
    if (size < 126) {
        wrn_buf_putc(&out, (char)(0x80 | size));
    } else {
        bool is_long = size > 65535;
        wrn_buf_putc(&out, (char)(0x80 | (is_long ? 127 : 126)));
        for (int shift = is_long ? 56 : 8; shift >= 0; shift -= 8) wrn_buf_putc(&out, (char)(size >> shift));
    }
    wrn_buf_put(&out, mask, sizeof(mask));
    for (size_t i = 0; i < size; i++) wrn_buf_putc(&out, (char)(((const char *)data)[i] ^ mask[i % 4]));
    send_bytes(fd, out.data, out.size);
}

void peer_say(int fd, const char *text) { peer_send(fd, PEER_TEXT, text, strlen(text)); }

static void read_all(int fd, void *out, size_t size) {
    for (size_t have = 0; have < size;) {
        ssize_t got = read(fd, (char *)out + have, size - have);
        CHECK_MSG(got > 0, "the connection ended without a close frame");
        have += (size_t)got;
    }
}

frame peer_read(int fd) {
    unsigned char head[2], more[8];
    read_all(fd, head, sizeof(head));
    CHECK_MSG(!(head[1] & 0x80), "a server does not mask");
    frame f = {.first = head[0], .size = head[1]};
    size_t extra = f.size == 127 ? 8 : f.size == 126 ? 2 : 0;
    read_all(fd, more, extra);
    if (extra) f.size = 0;
    for (size_t i = 0; i < extra; i++) f.size = f.size << 8 | more[i];
    f.data = malloc(f.size + 1);
    CHECK(f.data);
    read_all(fd, f.data, f.size);
    f.data[f.size] = '\0';
    return f;
}

/* NULL at the close frame. */
static wrn_json *next_message(int fd) {
    for (;;) {
        frame f = peer_read(fd);
        wrn_json *message = NULL;
        const char *why;
        if (f.first == PEER_TEXT) CHECK(wrn_json_parse(f.data, f.size, &message, &why));
        free(f.data);
        if (message || f.first == PEER_CLOSE) return message;
    }
}

wrn_json *peer_message(int fd) {
    wrn_json *message = next_message(fd);
    CHECK_MSG(message != NULL, "closed before a message");
    return message;
}

wrn_json *peer_expect(int fd, const char *type) {
    for (wrn_json *message; (message = next_message(fd)); wrn_json_free(message)) {
        const char *got = wrn_json_string(wrn_json_get(message, "type"), NULL);
        if (got && strcmp(got, type) == 0) return message;
    }
    test_fail(__FILE__, __LINE__, "closed before \"%s\"", type);
}

int peer_close_code(int fd) {
    int code = -1;
    while (code < 0) {
        frame f = peer_read(fd);
        if (f.first == PEER_CLOSE) code = f.size < 2 ? 0 : (unsigned char)f.data[0] << 8 | (unsigned char)f.data[1];
        free(f.data);
    }
    char byte;
    CHECK_MSG(read(fd, &byte, 1) <= 0, "something comes after the close frame");
    close(fd);
    return code;
}
