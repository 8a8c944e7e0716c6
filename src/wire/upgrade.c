#include "wire/upgrade.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* ---- the request ---- */

static bool upgrade_put_field(wrn_buf *out, const char *name, const char *value) {
    if (!value) return true;
    if (strpbrk(value, "\r\n")) return false;
    wrn_buf_printf(out, "%s%s\r\n", name, value);
    return true;
}

bool wrn_upgrade_write(wrn_buf *out, const wrn_upgrade_request *r) {
    if (strpbrk(r->path, "\r\n ")) return false;
    wrn_buf_printf(out, "GET %s HTTP/1.1\r\n", r->path);
    bool ok = upgrade_put_field(out, "Host: ", r->host) && upgrade_put_field(out, "User-Agent: ", r->user_agent) &&
              upgrade_put_field(out, "X-API-Key: ", r->api_key) &&
              upgrade_put_field(out, "Authorization: Bearer ", r->api_key ? NULL : r->token) &&
              upgrade_put_field(out, "Sec-WebSocket-Key: ", r->key) &&
              upgrade_put_field(out, "Sec-WebSocket-Protocol: ", r->protocol);
    for (const char *at = r->extra; at && *at; at += strcspn(at, "\n") + 1)
        wrn_buf_printf(out, "%.*s\r\n", (int)strcspn(at, "\n"), at);
    wrn_buf_puts(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n");
    return ok && !out->failed;
}

/* ---- the head of the response ---- */

void wrn_upgrade_init(wrn_upgrade *u, const char *key, const char *protocol) {
    *u = (wrn_upgrade){.key = key, .protocol = protocol, .head = WRN_BUF_LIMITED(WRN_UPGRADE_HEAD_MAX)};
}

void wrn_upgrade_clear(wrn_upgrade *u) {
    wrn_buf_free(&u->head);
    wrn_buf_free(&u->body);
}

static wrn_upgrade_step upgrade_bad(wrn_upgrade *u, const char *why) {
    u->why = why;
    return WRN_UPGRADE_BAD;
}

static wrn_upgrade_step upgrade_no_memory(wrn_upgrade *u) {
    u->no_memory = true;
    return upgrade_bad(u, "out of memory");
}

/* The header fields that matter here. */
typedef struct fields {
    const char *accept, *protocol, *length, *request_id, *retry_after;
    bool upgrade, connection, chunked; /* found in lists, which may be spread over several fields */
} fields;

static void upgrade_take_field(fields *f, const char *name, const char *value) {
    const struct {
        const char *name, **value;
    } texts[] = {{"sec-websocket-accept", &f->accept},
                 {"sec-websocket-protocol", &f->protocol},
                 {"content-length", &f->length},
                 {"x-request-id", &f->request_id},
                 {"retry-after", &f->retry_after}};
    const struct {
        const char *name, *member;
        bool *found;
    } lists[] = {{"upgrade", "websocket", &f->upgrade},
                 {"connection", "upgrade", &f->connection},
                 {"transfer-encoding", "chunked", &f->chunked}};
    for (size_t i = 0; i < WRN_COUNT(texts); i++)
        if (strcasecmp(name, texts[i].name) == 0) *texts[i].value = value;
    for (size_t i = 0; i < WRN_COUNT(lists); i++)
        if (strcasecmp(name, lists[i].name) == 0 && wrn_list_has(value, lists[i].member)) *lists[i].found = true;
}

/* Cuts off the next line, which ends in CR LF or LF. NULL when there is none. */
static char *upgrade_next_line(char **at) {
    char *line = *at, *end = strchr(line, '\n');
    if (!end) return NULL;
    *at = end + 1;
    if (end > line && end[-1] == '\r') end--;
    *end = '\0';
    return line;
}

/* Joins fields that continue on lines that begin with a blank (RFC 9112 section 5.2). */
static void unfold(char *text) {
    for (char *at = strchr(text, '\n'); at; at = strchr(at + 1, '\n')) {
        if (at[1] != ' ' && at[1] != '\t') continue;
        if (at > text && at[-1] == '\r') at[-1] = ' ';
        *at = ' ';
    }
}

/* Reads the fields; writes NULs into the head. */
static bool upgrade_read_fields(char *at, fields *f) {
    for (char *line; (line = upgrade_next_line(&at)) && *line;) {
        char *value = strchr(line, ':'), *end = line + strlen(line);
        if (!value) return false;
        *value++ = '\0';
        value += strspn(value, " \t");
        while (end > value && (end[-1] == ' ' || end[-1] == '\t')) *--end = '\0';
        upgrade_take_field(f, line, value);
    }
    return true;
}

static wrn_upgrade_step upgrade_open_or_bad(wrn_upgrade *u, const fields *f) {
    char accept[WRN_WS_ACCEPT_SIZE];
    wrn_ws_accept(u->key, accept);
    if (!*accept) return upgrade_no_memory(u);
    if (!f->upgrade || !f->connection) return upgrade_bad(u, "it does not switch to a WebSocket");
    if (!f->accept || strcmp(f->accept, accept) != 0) return upgrade_bad(u, "its Sec-WebSocket-Accept is wrong");
    if (f->protocol && (!u->protocol || strcmp(f->protocol, u->protocol) != 0))
        return upgrade_bad(u, "it selects a subprotocol that was not offered");
    u->selected = f->protocol != NULL;
    return WRN_UPGRADE_OPEN;
}

/* Parses "HTTP/1.1 101 Switching Protocols"; the reason phrase and the blank before it are optional. */
static bool upgrade_read_status(wrn_upgrade *u, const char *line) {
    int64_t number;
    if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12 || line[8] != ' ' || (line[12] && line[12] != ' '))
        return false;
    char status[4] = {line[9], line[10], line[11], '\0'};
    if (!wrn_parse_int(status, 100, 999, &number)) return false;
    u->status = (int)number;
    return true;
}

static wrn_upgrade_step upgrade_begin_body(wrn_upgrade *u, const fields *f) {
    int64_t number;
    u->in_body = true;
    u->chunked = f->chunked;
    u->chunks.lenient = true;
    u->until_end = !u->chunked && !f->length;
    if (u->status == 204 || u->status == 304) return WRN_UPGRADE_REFUSED; /* no body, whatever the fields say */
    if (!u->chunked && f->length) {
        if (!wrn_parse_int(f->length, 0, INT64_MAX, &number))
            return upgrade_bad(u, "its Content-Length is not a number");
        u->left = (size_t)number;
    }
    return !u->chunked && !u->until_end && !u->left ? WRN_UPGRADE_REFUSED : WRN_UPGRADE_MORE;
}

static wrn_upgrade_step upgrade_read_head(wrn_upgrade *u) {
    char *at = u->head.data;
    int64_t number;
    fields f = {0};
    if (strlen(at) != u->head.size) return upgrade_bad(u, "its head is malformed");
    unfold(at);
    if (!upgrade_read_status(u, upgrade_next_line(&at))) return upgrade_bad(u, "it is not HTTP/1.1");
    if (!upgrade_read_fields(at, &f)) return upgrade_bad(u, "its head is malformed");
    if (u->status < 200 && u->status != 101) { /* an informational response; another one follows */
        wrn_buf_clear(&u->head);
        return WRN_UPGRADE_MORE;
    }
    if (f.request_id) snprintf(u->request_id, sizeof(u->request_id), "%s", f.request_id);
    if (f.retry_after && wrn_parse_int(f.retry_after, 1, 1 << 30, &number)) u->retry_after = number;
    return u->status == 101 ? upgrade_open_or_bad(u, &f) : upgrade_begin_body(u, &f);
}

/* Whether the head ends with the empty line. */
static bool is_head_whole(const wrn_buf *head) {
    const char *end = head->data + head->size;
    return head->size > 1 && end[-1] == '\n' &&
           (end[-2] == '\n' || (head->size > 2 && end[-2] == '\r' && end[-3] == '\n'));
}

/* ---- a refusal's body ---- */

static void upgrade_keep_body(wrn_upgrade *u, const char *data, size_t size) {
    size_t room = WRN_UPGRADE_BODY_MAX - u->body.size;
    wrn_buf_put(&u->body, data, size < room ? size : room);
}

/* A malformed body is kept as far as it could be read. */
static wrn_upgrade_step upgrade_feed_chunks(wrn_upgrade *u, const char *data, size_t size, size_t *used) {
    size_t eaten;
    wrn_chunks_step step = wrn_chunks_feed(&u->chunks, data + *used, size - *used, &eaten);
    *used += eaten;
    if (step == WRN_CHUNKS_DATA) upgrade_keep_body(u, u->chunks.piece, u->chunks.piece_size);
    return step == WRN_CHUNKS_MORE || step == WRN_CHUNKS_DATA ? WRN_UPGRADE_MORE : WRN_UPGRADE_REFUSED;
}

static wrn_upgrade_step upgrade_feed_sized(wrn_upgrade *u, const char *data, size_t size, size_t *used) {
    size_t piece = size - *used;
    if (!u->until_end && piece > u->left) piece = u->left;
    upgrade_keep_body(u, data + *used, piece);
    *used += piece;
    u->left -= u->until_end ? 0 : piece;
    return u->until_end || u->left ? WRN_UPGRADE_MORE : WRN_UPGRADE_REFUSED;
}

static wrn_upgrade_step upgrade_feed_body(wrn_upgrade *u, const char *data, size_t size, size_t *used) {
    wrn_upgrade_step step = WRN_UPGRADE_MORE;
    while (step == WRN_UPGRADE_MORE && *used < size && u->body.size < WRN_UPGRADE_BODY_MAX)
        step = u->chunked ? upgrade_feed_chunks(u, data, size, used) : upgrade_feed_sized(u, data, size, used);
    return u->body.size < WRN_UPGRADE_BODY_MAX ? step : WRN_UPGRADE_REFUSED;
}

wrn_upgrade_step wrn_upgrade_feed(wrn_upgrade *u, const char *data, size_t size, size_t *used) {
    *used = 0;
    while (!u->in_body && *used < size) {
        wrn_buf_putc(&u->head, data[(*used)++]);
        if (u->head.failed)
            return u->head.size < WRN_UPGRADE_HEAD_MAX ? upgrade_no_memory(u) : upgrade_bad(u, "its head is too long");
        if (!is_head_whole(&u->head)) continue;
        wrn_upgrade_step step = upgrade_read_head(u);
        if (step != WRN_UPGRADE_MORE) return step;
    }
    return u->in_body ? upgrade_feed_body(u, data, size, used) : WRN_UPGRADE_MORE;
}

wrn_upgrade_step wrn_upgrade_end(wrn_upgrade *u) {
    return u->in_body ? WRN_UPGRADE_REFUSED : upgrade_bad(u, "its head is incomplete");
}
