#include "gate/proxy.h"

#include <stdio.h>
#include <string.h>

size_t proxy_request(char out[PROXY_REQUEST_MAX], const char *host, uint16_t port, const char *authorization) {
    char to[WRN_NAME_MAX + 16];
    snprintf(to, sizeof(to), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    int size = snprintf(out, PROXY_REQUEST_MAX, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", to, to,
                        *authorization ? "Proxy-Authorization: " : "", authorization, *authorization ? "\r\n" : "");
    return size < PROXY_REQUEST_MAX ? (size_t)size : 0;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static proxy_answer verdict(const proxy_reader *reader) {
    const char *s = reader->status;
    bool is_status = memcmp(s, "HTTP/1.", 7) == 0 && is_digit(s[7]) && s[8] == ' ' && is_digit(s[9]) &&
                     is_digit(s[10]) && is_digit(s[11]);
    if (!is_status) return PROXY_FAILED;
    return s[9] == '2' ? PROXY_GRANTED : s[9] == '4' ? PROXY_REFUSED : PROXY_FAILED;
}

proxy_answer proxy_read(proxy_reader *reader, const uint8_t *bytes, size_t size, size_t *used) {
    for (*used = 0; *used < size;) {
        char c = (char)bytes[(*used)++];
        if (reader->size == PROXY_ANSWER_MAX) return PROXY_FAILED;
        if (reader->size < sizeof(reader->status)) reader->status[reader->size] = c;
        reader->size++;
        if (c == '\n') {
            if (!reader->line) return verdict(reader);
            reader->line = 0;
        } else if (c != '\r') {
            reader->line++;
        }
    }
    return PROXY_MORE;
}
