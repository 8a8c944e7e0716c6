#include "wire/upgrade.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_END, CHUNK_LAST };

/* ---- the request ---- */

static bool put_field(wrn_buf *out, const char *name, const char *value) {
    if (!value) return true;
    if (strpbrk(value, "\r\n")) return false;
    wrn_buf_printf(out, "%s%s\r\n", name, value);
    return true;
}

bool wrn_upgrade_write(wrn_buf *out, const wrn_upgrade_request *r) {
    if (strpbrk(r->path, "\r\n ")) return false;
    wrn_buf_printf(out, "GET %s HTTP/1.1\r\n", r->path);
    bool ok = put_field(out, "Host: ", r->host) && put_field(out, "User-Agent: ", r->user_agent) &&
              put_field(out, "X-API-Key: ", r->api_key) &&
              put_field(out, "Authorization: Bearer ", r->api_key ? NULL : r->token) &&
              put_field(out, "Sec-WebSocket-Key: ", r->key) && put_field(out, "Sec-WebSocket-Protocol: ", r->protocol);
    wrn_buf_puts(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n");
    return ok && !out->failed;
}

/* ---- the answer's head ---- */

void wrn_upgrade_init(wrn_upgrade *u, const char *key, const char *protocol) {
    *u = (wrn_upgrade){.key = key, .protocol = protocol, .head = WRN_BUF_LIMITED(WRN_UPGRADE_HEAD_MAX)};
}

void wrn_upgrade_clear(wrn_upgrade *u) {
    wrn_buf_free(&u->head);
    wrn_buf_free(&u->body);
}

static wrn_upgrade_step bad(wrn_upgrade *u, const char *why) {
    u->why = why;
    return WRN_UPGRADE_BAD;
}

static wrn_upgrade_step out_of_memory(wrn_upgrade *u) {
    u->no_memory = true;
    return bad(u, "out of memory");
}

/* What the head says that matters here. */
typedef struct fields {
    const char *upgrade, *connection, *accept, *protocol, *length, *encoding, *request_id, *retry_after;
} fields;

/* Cuts the head into lines in place. */
static bool read_fields(char *at, fields *f) {
    const struct {
        const char *name, **value;
    } wanted[] = {{"upgrade", &f->upgrade},
                  {"connection", &f->connection},
                  {"sec-websocket-accept", &f->accept},
                  {"sec-websocket-protocol", &f->protocol},
                  {"content-length", &f->length},
                  {"transfer-encoding", &f->encoding},
                  {"x-request-id", &f->request_id},
                  {"retry-after", &f->retry_after}};
    while (*at) {
        char *line = at, *end = strstr(at, "\r\n");
        if (!end) return false;
        *end = '\0';
        at = end + 2;
        char *value = strchr(line, ':');
        if (!value) return false;
        *value++ = '\0';
        value += strspn(value, " \t");
        while (end > value && (end[-1] == ' ' || end[-1] == '\t')) *--end = '\0';
        for (size_t i = 0; i < WRN_COUNT(wanted); i++)
            if (strcasecmp(line, wanted[i].name) == 0) *wanted[i].value = value;
    }
    return true;
}

static wrn_upgrade_step open_or_bad(wrn_upgrade *u, const fields *f) {
    char accept[WRN_WS_ACCEPT_SIZE];
    wrn_ws_accept(u->key, accept);
    if (!*accept) return out_of_memory(u);
    if (!f->upgrade || !wrn_list_has(f->upgrade, "websocket") || !f->connection ||
        !wrn_list_has(f->connection, "upgrade"))
        return bad(u, "it switches to something that is no WebSocket");
    if (!f->accept || strcmp(f->accept, accept) != 0) return bad(u, "its Sec-WebSocket-Accept is wrong");
    if (f->protocol && (!u->protocol || strcmp(f->protocol, u->protocol) != 0))
        return bad(u, "it selects a subprotocol that was not offered");
    u->selected = f->protocol != NULL;
    return WRN_UPGRADE_OPEN;
}

static wrn_upgrade_step read_head(wrn_upgrade *u) {
    char *text = u->head.data;
    int64_t number;
    if (strlen(text) != u->head.size || strncmp(text, "HTTP/1.", 7) != 0 || strlen(text) < 13 || text[8] != ' ')
        return bad(u, "it is not HTTP/1.1");
    char status[4] = {text[9], text[10], text[11], '\0'};
    if (!wrn_parse_int(status, 100, 599, &number)) return bad(u, "it has no status");
    u->status = (int)number;
    fields f = {0};
    text[u->head.size - 2] = '\0'; /* the empty line */
    if (!read_fields(strstr(text, "\r\n") + 2, &f)) return bad(u, "its head is malformed");
    if (f.request_id) snprintf(u->request_id, sizeof(u->request_id), "%s", f.request_id);
    if (f.retry_after && wrn_parse_int(f.retry_after, 1, 1 << 30, &number)) u->retry_after = number;
    if (u->status == 101) return open_or_bad(u, &f);
    u->in_body = true;
    u->chunked = f.encoding && wrn_list_has(f.encoding, "chunked");
    u->until_end = !u->chunked && !f.length;
    if (!u->chunked && f.length) {
        if (!wrn_parse_int(f.length, 0, INT64_MAX, &number)) return bad(u, "its Content-Length is no number");
        u->left = (size_t)number;
    }
    return !u->chunked && !u->until_end && !u->left ? WRN_UPGRADE_REFUSED : WRN_UPGRADE_MORE;
}

/* ---- a refusal's body ---- */

static void keep(wrn_upgrade *u, const char *data, size_t size) {
    size_t room = WRN_UPGRADE_BODY_MAX - u->body.size;
    wrn_buf_put(&u->body, data, size < room ? size : room);
}

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* One byte of chunk framing. Trailers are not waited for. */
static wrn_upgrade_step feed_framing(wrn_upgrade *u, char c) {
    switch (u->chunk_phase) {
    case CHUNK_SIZE:
        if (hex(c) >= 0 && u->left <= WRN_UPGRADE_BODY_MAX) u->left = u->left * 16 + (size_t)hex(c);
        else if (hex(c) >= 0) return WRN_UPGRADE_REFUSED; /* more than is kept */
        else if (c == '\n') u->chunk_phase = u->left ? CHUNK_DATA : CHUNK_LAST;
        else u->chunk_phase = CHUNK_EXTENSION;
        break;
    case CHUNK_EXTENSION:
        if (c == '\n') u->chunk_phase = u->left ? CHUNK_DATA : CHUNK_LAST;
        break;
    default:
        if (c == '\n') u->chunk_phase = CHUNK_SIZE;
        break;
    }
    return u->chunk_phase == CHUNK_LAST ? WRN_UPGRADE_REFUSED : WRN_UPGRADE_MORE;
}

static wrn_upgrade_step feed_body(wrn_upgrade *u, const char *data, size_t size, size_t *used) {
    while (*used < size && u->body.size < WRN_UPGRADE_BODY_MAX) {
        if (u->chunked && u->chunk_phase != CHUNK_DATA) {
            if (feed_framing(u, data[(*used)++]) == WRN_UPGRADE_REFUSED) return WRN_UPGRADE_REFUSED;
            continue;
        }
        size_t piece = size - *used;
        if (!u->until_end && piece > u->left) piece = u->left;
        keep(u, data + *used, piece);
        *used += piece;
        if (u->until_end) continue;
        u->left -= piece;
        if (!u->left && !u->chunked) return WRN_UPGRADE_REFUSED;
        if (!u->left) u->chunk_phase = CHUNK_END;
    }
    return u->body.size < WRN_UPGRADE_BODY_MAX ? WRN_UPGRADE_MORE : WRN_UPGRADE_REFUSED;
}

wrn_upgrade_step wrn_upgrade_feed(wrn_upgrade *u, const char *data, size_t size, size_t *used) {
    *used = 0;
    while (!u->in_body && *used < size) {
        wrn_buf_putc(&u->head, data[(*used)++]);
        if (u->head.failed)
            return u->head.size < WRN_UPGRADE_HEAD_MAX ? out_of_memory(u) : bad(u, "its head is too long");
        if (u->head.size < 4 || memcmp(u->head.data + u->head.size - 4, "\r\n\r\n", 4) != 0) continue;
        wrn_upgrade_step step = read_head(u);
        if (step != WRN_UPGRADE_MORE) return step;
    }
    return u->in_body ? feed_body(u, data, size, used) : WRN_UPGRADE_MORE;
}

wrn_upgrade_step wrn_upgrade_end(wrn_upgrade *u) { return u->in_body ? WRN_UPGRADE_REFUSED : bad(u, "it breaks off"); }
