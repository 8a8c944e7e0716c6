/* One proxied request. The client's side is a wrn_request (a wrn_tap after an upgrade); the guest's side is a TCP connection
 * to the program in the sandbox, which ends with the answer. Each side is read only while the other takes what was read.
 *
 *     DIALING -> SENDING (head and body) -> ANSWERING -> over
 *                                        -> TUNNEL (after 101) -> over
 *
 * A guest need not answer, and callers need not authenticate. So connecting and the head of the answer have time limits, and
 * the proxy gets a part of the server's connections, of which one sandbox gets at most half. */
#include "server/routes/proxy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"
#include "server/http/response.h"
#include "server/routes/proxy_fields.h"
#include "server/routes/routes.h"
#include "server/turns.h"

typedef enum proxy_phase { DIALING, SENDING, ANSWERING, TUNNEL } proxy_phase;

typedef struct wrn_proxy proxy;

struct wrn_proxy {
    struct wrn_proxy *next, **link;
    wrn_server *server;
    wrn_request *request; /* NULL after an upgrade, and once it is answered */
    wrn_tap *tap;         /* the client of a tunnel */
    uv_tcp_t guest;
    uv_timer_t timer;             /* for the present phase */
    int handles;                  /* not yet closed */
    bool client_over, guest_over; /* tunnel: that end has sent its last byte */
    bool guest_open, guest_reading, crowded, closing;
    wrn_turn turn; /* of what comes from the guest */
    proxy_phase phase;
    bool body_over, upgrade;
    uv_shutdown_t shutdown;
    int port;
    bool writing; /* a write to the guest is under way */
    uv_write_t write;
    wrn_buf sending; /* what it writes */
    bool shut_next;  /* shut the guest's input down after the pending writes */
    wrn_buf out;     /* the next write to the guest */
    wrn_buf held;    /* for the guest, while it is dialled */
    wrn_buf early;   /* of the guest's answer, while the client still sends */
    wrn_response response;
    char sandbox_id[WRN_ID_SIZE];
};

/* ---- the Host field ---- */

/* Splits {port}-{sandbox id}. at the beginning of `host`, in any case. */
static bool split_port_host(const char *host, size_t *digits, size_t *id) {
    *id = 0;
    *digits = strspn(host, "0123456789");
    if (!*digits || strncasecmp(host + *digits, "-cl-", 4) != 0) return false;
    const char *at = host + *digits + 1;
    *id = 3 + strspn(at + 3, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return *id > 3 && at[*id] == '.';
}

bool wrn_proxy_matches(const char *host) {
    size_t digits, id;
    return split_port_host(host, &digits, &id);
}

/* ---- the end ---- */

static void proxy_on_handle_closed(uv_handle_t *handle) {
    proxy *p = handle->data;
    if (--p->handles) return;
    wrn_turn_close(&p->turn);
    free(p);
}

static void finish_proxy(proxy *p) {
    if (p->closing) return;
    p->closing = true;
    wrn_turn_cancel(&p->turn);
    *p->link = p->next;
    if (p->next) p->next->link = p->link;
    wrn_buf_free(&p->held);
    wrn_buf_free(&p->early);
    wrn_buf_free(&p->out);
    wrn_response_free(&p->response);
    if (p->tap) wrn_tap_close(WRN_TAKE(p->tap));
    uv_close((uv_handle_t *)&p->guest, proxy_on_handle_closed);
    uv_close((uv_handle_t *)&p->timer, proxy_on_handle_closed);
}

/* Before the answer has begun. */
static void refuse_proxy(proxy *p, int status, const char *why) {
    wrn_reply_plain(WRN_TAKE(p->request), status, why);
    finish_proxy(p);
}

static void guest_failed(proxy *p, const char *why) {
    if (p->phase == ANSWERING && p->request) wrn_reply_end(WRN_TAKE(p->request), false);
    if (!p->request) return finish_proxy(p);
    char text[200];
    snprintf(text, sizeof(text), "the program on port %d of the sandbox sent a bad answer: %s", p->port, why);
    refuse_proxy(p, 502, text);
}

static void proxy_on_timer(uv_timer_t *timer) {
    proxy *p = timer->data;
    char text[200];
    if (p->phase == TUNNEL) return finish_proxy(p);
    if (!p->request) return;
    snprintf(text, sizeof(text),
             p->phase == DIALING ? "port %d of the sandbox takes no connection"
                                 : "the program on port %d of the sandbox does not answer",
             p->port);
    if (p->phase != DIALING) return refuse_proxy(p, 504, text);
    wrn_reply_plain(WRN_TAKE(p->request), 504, text); /* the callback of the dial finishes `p` */
}

static void set_time(proxy *p, int64_t limit_ms) { uv_timer_start(&p->timer, proxy_on_timer, (uint64_t)limit_ms, 0); }

/* ---- to the guest ---- */

static size_t guest_unsent(const proxy *p) {
    return uv_stream_get_write_queue_size((const uv_stream_t *)&p->guest) + p->out.size;
}

static void read_client(proxy *p, bool on) {
    if (p->tap) wrn_tap_read(p->tap, on);
    else if (p->request && !p->body_over) wrn_request_pause(p->request, !on);
}

static void deliver_early(proxy *p);

/* Both ends send and neither reads. The guest has begun to answer, so the rest of the request is not waited for. */
static void end_deadlock(proxy *p) {
    if (!p->crowded || p->body_over || p->early.size <= WRN_HIGH_WATER) return;
    p->body_over = true;
    deliver_early(p);
}

static void shut_guest(proxy *p) {
    p->shut_next = p->writing;
    if (!p->writing && uv_shutdown(&p->shutdown, (uv_stream_t *)&p->guest, NULL) != 0) finish_proxy(p);
}

static void write_guest(proxy *p);

static void guest_on_written(uv_write_t *write, int status) {
    proxy *p = write->handle->data;
    wrn_buf_free(&p->sending);
    p->writing = false;
    if (p->closing) return;
    if (status < 0 && p->phase == TUNNEL) return finish_proxy(p);
    if (status < 0) { /* the guest may have answered nevertheless */
        p->body_over = true;
        return deliver_early(p);
    }
    if (p->out.size) write_guest(p);
    else if (p->shut_next) return shut_guest(p);
    if (!p->crowded || guest_unsent(p) > WRN_HIGH_WATER / 2) return;
    p->crowded = false;
    read_client(p, true);
}

static void write_guest(proxy *p) {
    p->sending = p->out;
    p->out = WRN_BUF_INIT;
    uv_buf_t out = uv_buf_init(p->sending.data, (unsigned)p->sending.size);
    p->writing = uv_write(&p->write, (uv_stream_t *)&p->guest, &out, 1, guest_on_written) == 0;
    if (!p->writing) wrn_buf_free(&p->sending);
}

/* One write at a time: what comes meanwhile, perhaps byte by byte, becomes the next one. */
static void send_guest(proxy *p, const void *data, size_t size) {
    if (!size) return;
    wrn_buf_put(&p->out, data, size);
    if (!p->writing) write_guest(p);
    if (guest_unsent(p) <= WRN_HIGH_WATER) return;
    p->crowded = true;
    read_client(p, false);
    end_deadlock(p);
}

static void client_on_piece(wrn_request *request, const char *data, size_t size) {
    proxy *p = request->handler;
    WRN_AUTO(wrn_buf_free) wrn_buf chunk = WRN_BUF_INIT;
    bool chunked = request->head.content_length < 0;
    if (chunked) wrn_buf_printf(&chunk, "%zx\r\n", size);
    wrn_buf_put(&chunk, data, size);
    if (chunked) wrn_buf_puts(&chunk, "\r\n");
    wrn_sandboxes_touch(p->server->sandboxes, p->sandbox_id);
    if (p->phase == SENDING) set_time(p, p->server->config->proxy_answer_ms);
    if (p->phase == DIALING) wrn_buf_put(&p->held, chunk.data, chunk.size);
    else send_guest(p, chunk.data, chunk.size);
}

static void client_on_body_end(wrn_request *request) {
    proxy *p = request->handler;
    static const char last[] = "0\r\n\r\n";
    bool chunked = request->head.content_length < 0;
    p->body_over = true;
    if (chunked && p->phase == DIALING) wrn_buf_puts(&p->held, last);
    else if (chunked) send_guest(p, last, sizeof(last) - 1);
    deliver_early(p);
}

static void client_on_gone(wrn_request *request) {
    proxy *p = request->handler;
    p->request = NULL;
    wrn_reply_end(request, false);
    if (p->phase != DIALING) finish_proxy(p);
}

/* ---- from the guest ---- */

static void read_guest(proxy *p, bool on);

static void client_on_room(wrn_request *request) { read_guest(request->handler, true); }

static void begin_tunnel(proxy *p);

static void begin_answer(proxy *p) {
    wrn_request *request = p->request;
    uv_timer_stop(&p->timer);
    wrn_proxy_fix_fields(p->port, &p->response.fields);
    if (p->response.status == 101) return begin_tunnel(p);
    request->reason = wrn_arena_dup(&request->arena, p->response.reason, strlen(p->response.reason));
    wrn_buf_put(&request->fields, p->response.fields.data, p->response.fields.size);
    p->phase = ANSWERING;
    request->on_room = client_on_room;
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
        case WRN_RESPONSE_END: wrn_reply_end(WRN_TAKE(p->request), true); return finish_proxy(p);
        }
        if (p->phase == TUNNEL && !p->closing && at < size) wrn_tap_write(p->tap, data + at, size - at);
    }
    if (p->request && wrn_reply_is_crowded(p->request)) read_guest(p, false);
}

/* Passes on what the guest sent while the client was still sending. */
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

static void guest_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    static char buffer[65536]; /* consumed before the next read */
    proxy *p = handle->data;
    (void)suggested;
    if (!wrn_turn_comes_later(&p->turn)) *buf = uv_buf_init(buffer, sizeof(buffer));
}

static void end_half(proxy *p, bool *half);
static void note_half(proxy *p);

static void guest_on_end(proxy *p) {
    read_guest(p, false);
    if (p->phase == TUNNEL) return end_half(p, &p->guest_over);
    p->body_over = true; /* nobody reads the rest */
    deliver_early(p);
    if (p->closing || !p->request) return;
    if (wrn_response_eof(&p->response) == WRN_RESPONSE_BAD) return guest_failed(p, p->response.why);
    wrn_reply_end(WRN_TAKE(p->request), true);
    finish_proxy(p);
}

static void take_from_guest(proxy *p, ssize_t got, const uv_buf_t *buf) {
    if (got < 0) return guest_on_end(p);
    wrn_sandboxes_touch(p->server->sandboxes, p->sandbox_id);
    if (p->phase == TUNNEL) {
        note_half(p);
        wrn_tap_write(p->tap, buf->base, (size_t)got);
        if (wrn_tap_is_crowded(p->tap)) read_guest(p, false);
    } else if (p->body_over) {
        take_answer(p, buf->base, (size_t)got);
    } else {
        wrn_buf_put(&p->early, buf->base, (size_t)got);
        if (p->early.size > WRN_HIGH_WATER) read_guest(p, false);
        end_deadlock(p);
    }
}

static void guest_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf);

static void update_guest_reading(proxy *p) {
    uv_stream_t *guest = (uv_stream_t *)&p->guest;
    if (p->closing) return;
    if (p->guest_reading && !p->turn.waits) uv_read_start(guest, guest_on_alloc, guest_on_read);
    else uv_read_stop(guest);
}

static void guest_on_turn(wrn_turn *turn) { update_guest_reading(turn->context); }

static void guest_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
    proxy *p = stream->data;
    if (!got) return;
    if (got == UV_ENOBUFS) return update_guest_reading(p); /* its turn comes later */
    wrn_turn_begin(&p->turn);
    take_from_guest(p, got, buf);
    if (!wrn_turn_end(&p->turn)) return;
    if (p->closing) wrn_turn_cancel(&p->turn);
    else update_guest_reading(p);
}

static void read_guest(proxy *p, bool on) {
    if (p->closing || !p->guest_open || p->guest_reading == on || (on && p->guest_over)) return;
    p->guest_reading = on;
    update_guest_reading(p);
}

/* ---- after an upgrade ---- */

static void tunnel_on_data(void *context, const char *data, size_t size) {
    proxy *p = context;
    wrn_sandboxes_touch(p->server->sandboxes, p->sandbox_id);
    note_half(p);
    send_guest(p, data, size);
}

static void tunnel_on_room(void *context) { read_guest(context, true); }

/* A tunnel with one open end must not stay silent for long. */
static void note_half(proxy *p) {
    if (p->client_over || p->guest_over) set_time(p, p->server->config->proxy_answer_ms);
}

/* One end has sent its last byte; the other may go on. */
static void end_half(proxy *p, bool *half) {
    *half = true;
    if (p->client_over && p->guest_over) return finish_proxy(p);
    note_half(p);
    if (half == &p->guest_over) wrn_tap_shut(p->tap);
    else shut_guest(p);
}

static void tunnel_on_end(void *context) {
    proxy *p = context;
    end_half(p, &p->client_over);
}

static void tunnel_on_gone(void *context) {
    proxy *p = context;
    p->tap = NULL;
    finish_proxy(p);
}

static void begin_tunnel(proxy *p) {
    static const wrn_tap_events events = {
        .data = tunnel_on_data, .room = tunnel_on_room, .gone = tunnel_on_gone, .end = tunnel_on_end};
    WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT;
    if (!p->upgrade) return guest_failed(p, "it switches protocols unasked");
    wrn_buf_puts(&head, "HTTP/1.1 101 Switching Protocols\r\n");
    wrn_buf_put(&head, p->response.fields.data, p->response.fields.size);
    wrn_buf_puts(&head, "\r\n");
    p->phase = TUNNEL;
    p->tap = wrn_request_take_over(WRN_TAKE(p->request), head.data, &events, p);
    if (p->tap) wrn_tap_read(p->tap, true);
    else finish_proxy(p);
}

/* ---- the beginning ---- */

static void proxy_on_dialled(void *context, int fd, const wrn_fault *fault) {
    proxy *p = context;
    if (!p->request || fault || uv_tcp_open(&p->guest, fd) != 0) {
        char text[300];
        if (fd >= 0) close(fd);
        snprintf(text, sizeof(text), "nothing answers on port %d of the sandbox: %.220s", p->port,
                 fault ? fault->message : "out of descriptors");
        if (p->request) return refuse_proxy(p, 502, text);
        return finish_proxy(p);
    }
    WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT;
    if (!wrn_proxy_put_head(p->server, &p->request->head, p->port, p->upgrade, &head))
        return refuse_proxy(p, 400, "Connection names too many fields");
    set_time(p, p->server->config->proxy_answer_ms);
    p->guest_open = true;
    p->phase = SENDING;
    send_guest(p, head.data, head.size);
    send_guest(p, p->held.data, p->held.size);
    wrn_buf_free(&p->held);
    if (!p->crowded) read_client(p, true);
    read_guest(p, true);
}

/* Finds the sandbox and the port that Host names. NULL, or what is wrong. */
static const char *find_named_sandbox(wrn_server *server, const char *host, wrn_sandbox_row *row, int *port,
                                      int *status) {
    size_t digits, id_size;
    char number[8] = "", id[WRN_ID_SIZE] = "";
    int64_t value;
    wrn_fault fault;
    split_port_host(host, &digits, &id_size);
    if (digits < sizeof(number)) memcpy(number, host, digits);
    for (size_t i = 0; id_size < sizeof(id) && i < id_size; i++)
        id[i] = (char)tolower((unsigned char)host[digits + 1 + i]);
    *status = 400;
    if (!wrn_parse_int(number, 1, 65535, &value)) return "the port must be between 1 and 65535";
    if (!wrn_id_is(id, "cl")) return "invalid sandbox ID";
    *port = (int)value;
    *status = 404;
    if (wrn_store_get_sandbox(server->store, NULL, id, row) != WRN_DB_OK) return "sandbox not found";
    *status = 409;
    return wrn_sandbox_is_usable(row, &fault) ? NULL : "the sandbox is not running";
}

static bool proxy_has_room(const wrn_server *server, const char *id) {
    int64_t all = 0, same = 0, max = server->config->http.connections_max * 3 / 4;
    for (const proxy *p = server->proxies; p; p = p->next) {
        all++;
        same += strcmp(p->sandbox_id, id) == 0;
    }
    return all < (max > 1 ? max : 1) && same <= max / 2;
}

static void list_proxy(proxy *p, wrn_server *server) {
    p->server = server;
    p->next = server->proxies;
    p->link = &server->proxies;
    if (p->next) p->next->link = &p->next;
    server->proxies = p;
}

void wrn_proxy_run(wrn_request *request) {
    wrn_server *server = wrn_server_of(request);
    const wrn_http_head *head = &request->head;
    wrn_sandbox_row row;
    int port = 0, status;
    const char *why = find_named_sandbox(server, wrn_http_head_get(head, "host"), &row, &port, &status);
    if (why) return wrn_reply_plain(request, status, why);
    if (!proxy_has_room(server, row.id)) {
        wrn_request_add_field(request, "Retry-After", "1");
        request->head.keep_alive = false;
        return wrn_reply_plain(request, 503, "too many connections to ports of sandboxes are open; try again later");
    }
    proxy *p = calloc(1, sizeof(*p));
    list_proxy(p, server);
    p->request = request;
    p->port = port;
    p->response.no_body = strcmp(head->method, "HEAD") == 0;
    p->body_over = head->content_length == 0;
    const char *connection = wrn_http_head_get(head, "connection");
    p->upgrade = wrn_http_head_get(head, "upgrade") && connection && wrn_list_has(connection, "upgrade");
    memcpy(p->sandbox_id, row.id, sizeof(row.id));
    p->turn = (wrn_turn){.go = guest_on_turn, .context = p, .loop = &server->loop};
    wrn_turn_set_owner(&p->turn, row.id);
    wrn_request_set_owner(request, row.id);
    uv_tcp_init(&server->loop, &p->guest);
    uv_timer_init(&server->loop, &p->timer);
    p->guest.data = p->timer.data = p;
    p->handles = 2;
    set_time(p, server->config->proxy_dial_ms);
    request->handler = p;
    request->on_piece = client_on_piece;
    request->on_body_end = client_on_body_end;
    request->on_gone = client_on_gone;
    if (!p->body_over) wrn_request_pause(request, true);
    wrn_sandboxes_dial(server->sandboxes, &row, (uint16_t)port, proxy_on_dialled, p);
}
