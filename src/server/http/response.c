#include "server/http/response.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { HEAD, LENGTH, UNTIL_END, CHUNKED, OVER };

static wrn_response_step response_bad(wrn_response *r, const char *why) {
    r->phase = OVER;
    r->why = why;
    return WRN_RESPONSE_BAD;
}

bool wrn_is_hop_field(const char *name, size_t size) {
    static const char *const hop[] = {
        "connection", "keep-alive",        "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
        "trailer",    "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < WRN_COUNT(hop); i++)
        if (strlen(hop[i]) == size && strncasecmp(name, hop[i], size) == 0) return true;
    return false;
}

static bool is(const char *name, size_t size, const char *wanted) {
    return strlen(wanted) == size && strncasecmp(name, wanted, size) == 0;
}

typedef struct framing {
    bool chunked, coded; /* coded: with another transfer coding */
    int lengths;
    wrn_buf connection; /* the values of Connection, each followed by a comma */
} framing;

/* Reads one line. What is wrong with it, or NULL. */
static const char *read_response_field(wrn_response *r, const char *line, size_t size, framing *f) {
    const char *colon = memchr(line, ':', size);
    size_t name = colon ? (size_t)(colon - line) : 0;
    if (!name || memchr(line, ' ', name) || memchr(line, '\t', name)) return "a header line is malformed";
    const char *value = colon + 1;
    size_t value_size = size - name - 1;
    while (value_size && (*value == ' ' || *value == '\t')) value++, value_size--;
    while (value_size && (value[value_size - 1] == ' ' || value[value_size - 1] == '\t')) value_size--;
    if (is(line, name, "transfer-encoding")) {
        if (value_size == 7 && strncasecmp(value, "chunked", 7) == 0 && !f->chunked) f->chunked = true;
        else f->coded = true;
    }
    if (is(line, name, "content-length")) {
        char digits[24] = "";
        int64_t length;
        if (!value_size || value_size >= sizeof(digits)) return "Content-Length is no number";
        memcpy(digits, value, value_size);
        if (!wrn_parse_int(digits, 0, INT64_MAX, &length)) return "Content-Length is no number";
        if (f->lengths++ && length != r->length) return "two different Content-Length";
        r->length = length;
        return NULL;
    }
    if (is(line, name, "connection")) wrn_buf_printf(&f->connection, "%.*s,", (int)value_size, value);
    /* The server adds its own Date. */
    bool passed = r->status == 101 || (!wrn_is_hop_field(line, name) && !is(line, name, "date"));
    if (passed) wrn_buf_printf(&r->fields, "%.*s: %.*s\r\n", (int)name, line, (int)value_size, value);
    return NULL;
}

static const char *read_status(wrn_response *r, const char *line, size_t size) {
    int64_t status;
    if (size < 12 || strncmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' || (size > 12 && line[12] != ' '))
        return "it does not begin with an HTTP/1 status line";
    char digits[4] = {line[9], line[10], line[11], '\0'};
    if (!wrn_parse_int(digits, 100, 999, &status)) return "its status is no number";
    r->status = (int)status;
    size_t reason = size > 13 ? size - 13 : 0;
    snprintf(r->reason, sizeof(r->reason), "%.*s", (int)reason, reason ? line + 13 : "");
    return NULL;
}

static const char *read_lines(wrn_response *r, framing *f) {
    const char *at = r->head.data, *end = at + r->head.size, *why = NULL;
    for (bool first = true; at < end && !why; first = false) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = newline ? (size_t)(newline - at) : (size_t)(end - at), line = size;
        while (line && at[line - 1] == '\r') line--;
        for (size_t i = 0; i < line; i++)
            if (((unsigned char)at[i] < ' ' && at[i] != '\t') || at[i] == 127) return "its head has control characters";
        if (first) why = read_status(r, at, line);
        else if (line) why = read_response_field(r, at, line, f);
        at += size + 1;
    }
    return why;
}

/* Removes the fields that Connection names (RFC 9110 section 7.6.1). */
static void drop_listed(wrn_buf *fields, const char *connection) {
    size_t kept = 0;
    for (size_t at = 0; at < fields->size;) {
        char name[64], *line = fields->data + at;
        size_t size = strcspn(line, "\n") + 1, colon = strcspn(line, ":");
        at += size;
        snprintf(name, sizeof(name), "%.*s", (int)colon, line);
        if (colon < sizeof(name) && wrn_list_has(connection, name)) continue;
        memmove(fields->data + kept, line, size);
        kept += size;
    }
    if (fields->data) fields->data[kept] = '\0';
    fields->size = kept;
}

static wrn_response_step response_take_head(wrn_response *r) {
    framing f = {0};
    wrn_buf_clear(&r->fields);
    r->length = -1;
    const char *why = read_lines(r, &f);
    if (!why && f.connection.size > WRN_CONNECTION_MAX) why = "Connection names too many fields";
    if (!why && f.connection.size && r->status != 101) drop_listed(&r->fields, f.connection.data);
    wrn_buf_free(&f.connection);
    if (why) return response_bad(r, why);
    wrn_buf_clear(&r->head);
    if (r->status < 200 && r->status != 101)
        return ++r->interim > WRN_RESPONSE_INTERIM_MAX ? response_bad(r, "it has too many interim responses")
                                                       : WRN_RESPONSE_MORE;
    if (f.coded || (f.chunked && f.lengths)) return response_bad(r, "its framing is ambiguous");
    bool empty = r->no_body || r->status == 101 || r->status == 204 || r->status == 304;
    r->phase = f.chunked ? CHUNKED : r->length < 0 ? UNTIL_END : LENGTH;
    r->left = (uint64_t)(r->length < 0 ? 0 : r->length);
    if (empty) r->phase = LENGTH, r->left = 0;
    return WRN_RESPONSE_HEAD;
}

/* Accepts bare line feeds: some servers in sandboxes are simple scripts. */
static bool head_is_whole(const wrn_buf *head) {
    const char *data = head->data;
    size_t size = head->size;
    return (size >= 2 && memcmp(data + size - 2, "\n\n", 2) == 0) ||
           (size >= 3 && memcmp(data + size - 3, "\n\r\n", 3) == 0);
}

static wrn_response_step response_feed_head(wrn_response *r, const char *data, size_t size, size_t *used) {
    r->head.limit = WRN_RESPONSE_HEAD_MAX;
    while (*used < size) {
        wrn_buf_putc(&r->head, data[(*used)++]);
        if (r->head.failed) return response_bad(r, "its head is too large");
        if (!head_is_whole(&r->head)) continue;
        wrn_response_step step = response_take_head(r);
        if (step != WRN_RESPONSE_MORE) return step;
    }
    return WRN_RESPONSE_MORE;
}

/* Lenient, because the body is framed again when it is passed on. */
static wrn_response_step feed_chunks(wrn_response *r, const char *data, size_t size, size_t *used) {
    size_t eaten;
    r->chunks.lenient = true;
    wrn_chunks_step step = wrn_chunks_feed(&r->chunks, data + *used, size - *used, &eaten);
    *used += eaten;
    if (step == WRN_CHUNKS_BAD) return response_bad(r, r->chunks.why);
    if (step == WRN_CHUNKS_END) r->phase = OVER;
    r->piece = r->chunks.piece;
    r->piece_size = r->chunks.piece_size;
    return step == WRN_CHUNKS_DATA ? WRN_RESPONSE_BODY : step == WRN_CHUNKS_END ? WRN_RESPONSE_END : WRN_RESPONSE_MORE;
}

static wrn_response_step response_take_piece(wrn_response *r, const char *data, size_t size, size_t *used) {
    size_t piece = size - *used;
    if (r->phase != UNTIL_END && piece > r->left) piece = (size_t)r->left;
    r->piece = data + *used;
    r->piece_size = piece;
    *used += piece;
    if (r->phase != UNTIL_END) r->left -= piece;
    return WRN_RESPONSE_BODY;
}

wrn_response_step wrn_response_feed(wrn_response *r, const char *data, size_t size, size_t *used) {
    *used = 0;
    if (r->phase == LENGTH && !r->left) {
        r->phase = OVER;
        return WRN_RESPONSE_END;
    }
    if (!size) return WRN_RESPONSE_MORE;
    switch (r->phase) {
    case HEAD: return response_feed_head(r, data, size, used);
    case CHUNKED: return feed_chunks(r, data, size, used);
    case OVER: return response_bad(r, "data follows its end");
    default: return response_take_piece(r, data, size, used);
    }
}

wrn_response_step wrn_response_eof(wrn_response *r) {
    if (r->phase == UNTIL_END) {
        r->phase = OVER;
        return WRN_RESPONSE_END;
    }
    return response_bad(r, r->phase == HEAD ? "the connection ended before an answer" : "the answer breaks off");
}

void wrn_response_free(wrn_response *r) {
    wrn_buf_free(&r->head);
    wrn_buf_free(&r->fields);
}
