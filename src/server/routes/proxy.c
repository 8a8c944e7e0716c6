/* One proxied request: the client's side is a wrn_request (a wrn_tap after an upgrade), the sandbox's a TCP connection of
 * its own, which ends with the answer. Both directions stop reading while the other end does not take what was read.
 *
 *     DIALING -> SENDING (head and body go out) -> ANSWERING -> over
 *                                               -> TUNNEL (after 101) -> over */
#include "server/routes/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"
#include "server/http/response.h"
#include "server/routes/routes.h"

typedef enum proxy_phase { DIALING, SENDING, ANSWERING, TUNNEL } proxy_phase;

typedef struct proxy {
    wrn_server *server;
    wrn_request *request; /* NULL after an upgrade, and when answered */
    wrn_tap *tap;
    uv_tcp_t guest;
    bool guest_open, guest_reading, crowded, closing;
    proxy_phase phase;
    bool body_over, upgrade;
    int port;
    wrn_buf held;  /* for the guest, until it is dialled */
    wrn_buf early; /* of the guest's answer, while the client still sends */
    bool answer_came;
    wrn_response response;
    char sandbox_id[WRN_ID_SIZE];
} proxy;

/* ---- whether it is one of ours ---- */

/* Digits, a hyphen, "cl-" and what ids are made of, a dot. */
static bool split_host(const char *host, size_t *digits, size_t *id) {
    *id = 0;
    *digits = strspn(host, "0123456789");
    if (!*digits || strncmp(host + *digits, "-cl-", 4) != 0) return false;
    const char *at = host + *digits + 1;
    *id = 3 + strspn(at + 3, "0123456789abcdefghijklmnopqrstuvwxyz");
    return *id > 3 && at[*id] == '.';
}

bool wrn_proxy_matches(const char *host) {
    size_t digits, id;
    return split_host(host, &digits, &id);
}

/* ---- the end ---- */

static void on_guest_closed(uv_handle_t *handle) { free(handle->data); }

static void finish(proxy *p) {
    if (p->closing) return;
    p->closing = true;
    wrn_buf_free(&p->held);
    wrn_buf_free(&p->early);
    wrn_response_free(&p->response);
    if (p->tap) wrn_tap_close(WRN_TAKE(p->tap));
    uv_close((uv_handle_t *)&p->guest, on_guest_closed);
}

static void reply_plain(wrn_request *request, int status, const char *text) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    wrn_buf_printf(&line, "%s\n", text);
    wrn_reply_bytes(request, status, "text/plain; charset=utf-8", line.data ? line.data : "", line.size);
}

/* Nothing of an answer has gone out yet. */
static void refuse(proxy *p, int status, const char *why) {
    reply_plain(WRN_TAKE(p->request), status, why);
    finish(p);
}

/* The sandbox's side failed. */
static void guest_failed(proxy *p, const char *why) {
    if (p->phase == ANSWERING && p->request) wrn_reply_end(WRN_TAKE(p->request), false);
    if (!p->request) return finish(p);
    char text[200];
    snprintf(text, sizeof(text), "the program on port %d of the sandbox did not answer well: %s", p->port, why);
    refuse(p, 502, text);
}

/* ---- to the guest ---- */

typedef struct lump {
    uv_write_t write;
    proxy *proxy;
    char data[];
} lump;

static size_t guest_unsent(const proxy *p) { return uv_stream_get_write_queue_size((const uv_stream_t *)&p->guest); }

static void read_client(proxy *p, bool on) {
    if (p->tap) wrn_tap_read(p->tap, on);
    else if (p->request && !p->body_over) wrn_request_pause(p->request, !on);
}

static void deliver_early(proxy *p);

/* Both ends send and neither reads before the other does: the program has said what it thinks of the request, so the rest
 * of that is not waited for. */
static void end_deadlock(proxy *p) {
    if (!p->crowded || p->body_over || p->early.size <= WRN_HIGH_WATER) return;
    p->body_over = true;
    deliver_early(p);
}

static void on_guest_written(uv_write_t *write, int status) {
    proxy *p = ((lump *)write)->proxy;
    free(write);
    if (p->closing) return;
    if (status < 0) { /* what it has answered is still worth hearing */
        p->body_over = true;
        return deliver_early(p);
    }
    if (!p->crowded || guest_unsent(p) > WRN_HIGH_WATER / 2) return;
    p->crowded = false;
    read_client(p, true);
}

static void send_guest(proxy *p, const void *data, size_t size) {
    lump *l = size ? malloc(sizeof(*l) + size) : NULL;
    if (!l) return;
    l->proxy = p;
    memcpy(l->data, data, size);
    uv_buf_t out = uv_buf_init(l->data, (unsigned)size);
    if (uv_write(&l->write, (uv_stream_t *)&p->guest, &out, 1, on_guest_written) != 0) free(l);
    if (guest_unsent(p) <= WRN_HIGH_WATER) return;
    p->crowded = true;
    read_client(p, false);
    end_deadlock(p);
}

static void on_piece(wrn_request *request, const char *data, size_t size) {
    proxy *p = request->handler;
    WRN_AUTO(wrn_buf_free) wrn_buf chunk = WRN_BUF_INIT;
    bool chunked = request->head.content_length < 0;
    if (chunked) wrn_buf_printf(&chunk, "%zx\r\n", size);
    wrn_buf_put(&chunk, data, size);
    if (chunked) wrn_buf_puts(&chunk, "\r\n");
    wrn_sandboxes_touch(p->server->sandboxes, p->sandbox_id);
    if (p->phase == DIALING) wrn_buf_put(&p->held, chunk.data, chunk.size);
    else send_guest(p, chunk.data, chunk.size);
}

static void on_body_end(wrn_request *request) {
    proxy *p = request->handler;
    static const char last[] = "0\r\n\r\n";
    bool chunked = request->head.content_length < 0;
    p->body_over = true;
    if (chunked && p->phase == DIALING) wrn_buf_puts(&p->held, last);
    else if (chunked) send_guest(p, last, sizeof(last) - 1);
    deliver_early(p);
}

static void on_client_gone(wrn_request *request) {
    proxy *p = request->handler;
    p->request = NULL;
    wrn_reply_end(request, false);
    if (p->phase != DIALING) finish(p);
}

/* ---- from the guest ---- */

static void read_guest(proxy *p, bool on);

static void on_client_room(wrn_request *request) { read_guest(request->handler, true); }

/* Redirects to the address the program knows itself by would lead nowhere. */
static void fix_location(const proxy *p, wrn_buf *fields) {
    char own[3][64];
    snprintf(own[0], sizeof(own[0]), "\nLocation: http://localhost:%d/", p->port);
    snprintf(own[1], sizeof(own[1]), "\nLocation: http://127.0.0.1:%d/", p->port);
    snprintf(own[2], sizeof(own[2]), "\nlocation: http://localhost:%d/", p->port);
    for (size_t i = 0; i < WRN_COUNT(own) && fields->size; i++) {
        char *at = strstr(fields->data, own[i]);
        if (!at) continue;
        size_t cut = strlen(own[i]) - strlen("\nLocation: /");
        char *from = at + strlen("\nLocation: ") + cut;
        memmove(from - cut, from, fields->size - (size_t)(from - fields->data) + 1);
        fields->size -= cut;
        return;
    }
}

static void begin_tunnel(proxy *p);

static void begin_answer(proxy *p) {
    wrn_request *request = p->request;
    if (p->response.status == 101) return begin_tunnel(p);
    fix_location(p, &p->response.fields);
    wrn_buf_put(&request->fields, p->response.fields.data, p->response.fields.size);
    p->phase = ANSWERING;
    request->on_room = on_client_room;
    wrn_reply_begin(request, p->response.status, NULL, p->response.length);
}

static void take_answer(proxy *p, const char *data, size_t size) {
    for (size_t at = 0; !p->closing && p->request && p->phase != TUNNEL;) {
        size_t used;
        wrn_response_step step = wrn_response_feed(&p->response, data + at, size - at, &used);
        at += used;
        if (step == WRN_RESPONSE_MORE) break;
        switch (step) {
        case WRN_RESPONSE_MORE: break;
        case WRN_RESPONSE_BAD: return guest_failed(p, p->response.why);
        case WRN_RESPONSE_HEAD: begin_answer(p); break;
        case WRN_RESPONSE_BODY: wrn_reply_piece(p->request, p->response.piece, p->response.piece_size); break;
        case WRN_RESPONSE_END: wrn_reply_end(WRN_TAKE(p->request), true); return finish(p);
        }
        if (p->phase == TUNNEL && !p->closing && at < size) wrn_tap_write(p->tap, data + at, size - at);
    }
    if (p->request && wrn_reply_unsent(p->request) > WRN_HIGH_WATER) read_guest(p, false);
}

/* What came while the client was still sending. */
static void deliver_early(proxy *p) {
    if (p->phase == DIALING) return;
    if (p->early.size) {
        wrn_buf data = p->early;
        p->early = WRN_BUF_INIT;
        take_answer(p, data.data, data.size);
        wrn_buf_free(&data);
    }
    if (!p->closing) read_guest(p, true);
}

static void on_guest_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    static char buffer[65536]; /* used up before the next read */
    (void)handle, (void)suggested;
    *buf = uv_buf_init(buffer, sizeof(buffer));
}

static void on_guest_end(proxy *p) {
    read_guest(p, false);
    if (p->phase == TUNNEL) return finish(p);
    p->body_over = true; /* nobody listens to the rest */
    deliver_early(p);
    if (p->closing || !p->request) return;
    if (wrn_response_eof(&p->response) == WRN_RESPONSE_BAD) return guest_failed(p, p->response.why);
    wrn_reply_end(WRN_TAKE(p->request), true);
    finish(p);
}

static void on_guest_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
    proxy *p = stream->data;
    if (!got) return;
    if (got < 0) return on_guest_end(p);
    wrn_sandboxes_touch(p->server->sandboxes, p->sandbox_id);
    if (p->phase == TUNNEL) {
        wrn_tap_write(p->tap, buf->base, (size_t)got);
        if (wrn_tap_unsent(p->tap) > WRN_HIGH_WATER) read_guest(p, false);
    } else if (p->body_over) {
        take_answer(p, buf->base, (size_t)got);
    } else {
        wrn_buf_put(&p->early, buf->base, (size_t)got);
        if (p->early.size > WRN_HIGH_WATER) read_guest(p, false);
        end_deadlock(p);
    }
}

static void read_guest(proxy *p, bool on) {
    if (p->closing || !p->guest_open || p->guest_reading == on) return;
    p->guest_reading = on;
    if (on) uv_read_start((uv_stream_t *)&p->guest, on_guest_alloc, on_guest_read);
    else uv_read_stop((uv_stream_t *)&p->guest);
}

/* ---- after an upgrade ---- */

static void on_tap_data(void *context, const char *data, size_t size) {
    proxy *p = context;
    wrn_sandboxes_touch(p->server->sandboxes, p->sandbox_id);
    send_guest(p, data, size);
}

static void on_tap_room(void *context) { read_guest(context, true); }

static void on_tap_gone(void *context) {
    proxy *p = context;
    p->tap = NULL;
    finish(p);
}

static void begin_tunnel(proxy *p) {
    static const wrn_tap_events events = {on_tap_data, on_tap_room, on_tap_gone, NULL, NULL};
    WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT;
    if (!p->upgrade) return guest_failed(p, "it switches protocols unasked");
    wrn_buf_puts(&head, "HTTP/1.1 101 Switching Protocols\r\n");
    wrn_buf_put(&head, p->response.fields.data, p->response.fields.size);
    wrn_buf_puts(&head, "\r\n");
    if (head.failed) return guest_failed(p, "out of memory");
    p->phase = TUNNEL;
    p->tap = wrn_request_take_over(WRN_TAKE(p->request), head.data, &events, p);
    if (p->tap) wrn_tap_read(p->tap, true);
    else finish(p);
}

/* ---- the beginning ---- */

/* Credentials of ours are not for what runs in a sandbox; others are its own business. Also those that we would not take
 * where and as they stand. */
static bool is_our_credential(const proxy *p, const wrn_http_field *field) {
    wrn_identity who;
    const char *value = field->value;
    if (strcmp(field->name, "x-api-key") != 0 && strcmp(field->name, "authorization") != 0) return false;
    if (strncasecmp(value, "Bearer", 6) == 0) value += 6;
    value += strspn(value, " \t");
    return wrn_store_use_key(p->server->store, value, who.team_id, who.key_id) == WRN_DB_OK ||
           wrn_auth_check_token(&p->server->auth, value, &who);
}

/* RFC 9110 section 7.6.1: Connection names more fields that are for this connection only. */
static bool is_listed_in_connection(const wrn_http_head *head, const char *name) {
    for (size_t i = 0; i < head->count; i++)
        if (strcmp(head->fields[i].name, "connection") == 0 && wrn_list_has(head->fields[i].value, name)) return true;
    return false;
}

static void put_head(const proxy *p, wrn_buf *out) {
    const wrn_http_head *head = &p->request->head;
    wrn_buf_printf(out, "%s %s%s%s HTTP/1.1\r\nHost: localhost:%d\r\n", head->method, head->path,
                   *head->query ? "?" : "", head->query, p->port);
    for (size_t i = 0; i < head->count; i++) {
        const wrn_http_field *field = &head->fields[i];
        size_t size = strlen(field->name);
        if (wrn_is_hop_field(field->name, size) || strcmp(field->name, "host") == 0 ||
            strcmp(field->name, "content-length") == 0 || strcmp(field->name, "expect") == 0 ||
            is_listed_in_connection(head, field->name) || is_our_credential(p, field))
            continue;
        wrn_buf_printf(out, "%s: %s\r\n", field->name, field->value);
    }
    /* Unless a proxy before us has said so. */
    if (!wrn_http_head_get(head, "x-forwarded-host"))
        wrn_buf_printf(out, "X-Forwarded-Host: %s\r\n", wrn_http_head_get(head, "host"));
    if (!wrn_http_head_get(head, "x-forwarded-proto")) wrn_buf_puts(out, "X-Forwarded-Proto: http\r\n");
    if (head->content_length > 0) wrn_buf_printf(out, "Content-Length: %lld\r\n", (long long)head->content_length);
    if (head->content_length < 0) wrn_buf_puts(out, "Transfer-Encoding: chunked\r\n");
    if (p->upgrade)
        wrn_buf_printf(out, "Connection: Upgrade\r\nUpgrade: %s\r\n\r\n", wrn_http_head_get(head, "upgrade"));
    else wrn_buf_puts(out, "Connection: close\r\n\r\n");
}

static void on_dialled(void *context, int fd, const wrn_fault *fault) {
    proxy *p = context;
    if (!p->request || fault || uv_tcp_open(&p->guest, fd) != 0) {
        char text[200];
        if (fd >= 0) close(fd);
        snprintf(text, sizeof(text), "nothing answers on port %d of the sandbox: %.120s", p->port,
                 fault ? fault->message : "out of descriptors");
        if (p->request) return refuse(p, 502, text);
        return finish(p);
    }
    WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT;
    put_head(p, &head);
    p->guest_open = true;
    p->phase = SENDING;
    if (head.failed || p->held.failed) return refuse(p, 502, "out of memory");
    send_guest(p, head.data, head.size);
    send_guest(p, p->held.data, p->held.size);
    wrn_buf_free(&p->held);
    if (!p->crowded) read_client(p, true);
    read_guest(p, true);
}

/* The sandbox that Host names; NULL text when it can be used. */
static const char *find_sandbox(wrn_server *server, const char *host, wrn_sandbox_row *row, int *port, int *status) {
    size_t digits, id_size;
    char number[8] = "", id[WRN_ID_SIZE] = "";
    int64_t value;
    wrn_fault fault;
    split_host(host, &digits, &id_size);
    if (digits < sizeof(number)) memcpy(number, host, digits);
    if (id_size < sizeof(id)) memcpy(id, host + digits + 1, id_size);
    *status = 400;
    if (!wrn_parse_int(number, 1, 65535, &value)) return "the port must be between 1 and 65535";
    if (!wrn_id_is(id, "cl")) return "invalid sandbox ID";
    *port = (int)value;
    *status = 404;
    if (wrn_store_get_sandbox(server->store, NULL, id, row) != WRN_DB_OK) return "sandbox not found";
    *status = 409;
    return wrn_sandbox_is_usable(row, &fault) ? NULL : "the sandbox is not running";
}

void wrn_proxy_run(wrn_request *request) {
    wrn_server *server = wrn_request_server(request);
    const wrn_http_head *head = &request->head;
    wrn_sandbox_row row;
    int port = 0, status;
    const char *why = find_sandbox(server, wrn_http_head_get(head, "host"), &row, &port, &status);
    if (why) return reply_plain(request, status, why);
    proxy *p = calloc(1, sizeof(*p));
    if (!p) return reply_plain(request, 503, "out of memory");
    p->server = server;
    p->request = request;
    p->port = port;
    p->response.no_body = strcmp(head->method, "HEAD") == 0;
    p->body_over = head->content_length == 0;
    const char *connection = wrn_http_head_get(head, "connection");
    p->upgrade = wrn_http_head_get(head, "upgrade") && connection && wrn_list_has(connection, "upgrade");
    memcpy(p->sandbox_id, row.id, sizeof(row.id));
    uv_tcp_init(&server->loop, &p->guest);
    p->guest.data = p;
    request->handler = p;
    request->on_piece = on_piece;
    request->on_body_end = on_body_end;
    request->on_gone = on_client_gone;
    if (!p->body_over) wrn_request_pause(request, true);
    wrn_sandboxes_dial(server->sandboxes, &row, (uint16_t)port, on_dialled, p);
}
