/* One connection: reads a request, answers it, then reads the next one.
 *
 * A connection holds at most one request body (config.body_max), one read of further input, and one answer. Nothing is read
 * while a request is being answered. */
#include "server/http/conn.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "server/hold.h"
#include "server/http/budget.h"

/* LITTLE and LEAST: bounds of wrn_conn.gulp. */
enum { DISCARD_MAX = 64 << 20, REFUSED_MAX = 64, LITTLE = 16384, LEAST = 1024 };

static void advance_rest(wrn_conn *conn);

void wrn_conn_free_request(wrn_request *request) {
    wrn_budget_give(request->charged);
    wrn_http_head_free(&request->head);
    wrn_buf_free(&request->body);
    wrn_buf_free(&request->fields);
    wrn_arena_free(&request->arena);
    free(request);
}

/* ---- closing ---- */

static void unlist(wrn_conn *conn) {
    wrn_conn **at = &conn->http->listed;
    while (*at && *at != conn) at = &(*at)->next_listed;
    if (!*at) return;
    if (conn->http->last_listed == &conn->next_listed) conn->http->last_listed = at;
    *at = conn->next_listed;
}

static void conn_on_closed(uv_handle_t *handle) {
    wrn_conn *conn = handle->data;
    wrn_http *http = conn->http;
    if (conn->listed) unlist(conn);
    wrn_buf_free(&conn->gathered);
    wrn_buf_free(&conn->sending);
    *conn->link = conn->next;
    if (conn->next) conn->next->link = conn->link;
    http->conn_count--;
    wrn_turn_close(&conn->turn);
    wrn_budget_give(conn->charged);
    wrn_http1_free(&conn->parser);
    wrn_buf_free(&conn->rest);
    wrn_buf_free(&conn->out_head);
    wrn_buf_free(&conn->out_body);
    free(conn);
    wrn_http_check_drained(http);
}

void wrn_conn_close(wrn_conn *conn) {
    if (conn->state == WRN_CONN_CLOSED) return;
    bool tapped = conn->state == WRN_CONN_TAP;
    conn->state = WRN_CONN_CLOSED;
    wrn_turn_cancel(&conn->turn);
    conn->http->open_count--;
    uv_close(&conn->io.handle, conn_on_closed);
    if (conn->request) wrn_conn_free_request(WRN_TAKE(conn->request));
    wrn_request *running = WRN_TAKE(conn->running);
    if (running) running->conn = NULL;
    if (running && running->on_gone) running->on_gone(running);
    if (tapped && conn->tap.gone) conn->tap.gone(conn->tap_context);
}

void wrn_conn_close_idle(wrn_conn *conn) {
    if (conn->state == WRN_CONN_HEAD && !wrn_http1_has_begun(&conn->parser) && !conn->rest.size) wrn_conn_close(conn);
}

/* ---- reading ---- */

static void conn_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    wrn_conn *conn = handle->data;
    bool little = conn->state == WRN_CONN_TAP && conn->tap.little;
    conn->unread = wrn_turn_comes_later(&conn->turn);
    if (conn->unread) return; /* without a buffer nothing is read, and conn_on_read() gets UV_ENOBUFS */
    *buf = uv_buf_init(conn->http->read_buffer, little ? (size_t)conn->gulp : sizeof(conn->http->read_buffer));
}

static void conn_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf);

static bool wants_reading(const wrn_conn *conn) {
    if (conn->turn.waits) return false;
    switch (conn->state) {
    case WRN_CONN_HEAD:
    case WRN_CONN_LINGER: return true;
    case WRN_CONN_BODY:
    case WRN_CONN_TAP: return !conn->paused && !conn->input_over;
    default: return false;
    }
}

void wrn_conn_update_reading(wrn_conn *conn) {
    bool wanted = wants_reading(conn);
    if (conn->state == WRN_CONN_CLOSED || wanted == conn->reading) return;
    conn->reading = wanted;
    if (!wanted) uv_read_stop(&conn->io.stream);
    else if (uv_read_start(&conn->io.stream, conn_on_alloc, conn_on_read) != 0) wrn_conn_close(conn);
}

/* A head has an absolute deadline; a body may take long as long as bytes come. */
static void update_deadline(wrn_conn *conn) {
    int64_t now = wrn_now_ms();
    if (conn->state == WRN_CONN_BODY) conn->deadline_ms = conn->paused ? 0 : now + conn->http->config.body_ms;
    if (conn->state != WRN_CONN_HEAD || conn->head_timed || !wrn_http1_has_begun(&conn->parser)) return;
    conn->head_timed = true;
    conn->deadline_ms = now + conn->http->config.head_ms;
}

static wrn_request *new_request(wrn_conn *conn) {
    wrn_request *request = calloc(1, sizeof(*request));
    request->conn = conn;
    request->loop = conn->http->loop;
    request->app = conn->http->handler.context;
    request->answered = conn->http->handler.answered;
    return request;
}

/* Answers an incomplete or malformed request, then closes. */
static void refuse_request(wrn_conn *conn, int status, const char *why) {
    wrn_request *lost = conn->streaming ? WRN_TAKE(conn->running) : NULL;
    wrn_request *request = conn->request ? WRN_TAKE(conn->request) : new_request(conn);
    conn->streaming = false;
    if (lost) lost->conn = NULL;
    if (lost && lost->on_gone) lost->on_gone(lost);
    request->head.keep_alive = false;
    conn->running = request;
    wrn_fault_code code = status == 413   ? WRN_FAULT_TOO_LARGE
                          : status == 501 ? WRN_FAULT_NOT_IMPLEMENTED
                          : status == 503 ? WRN_FAULT_OVERLOADED
                                          : WRN_FAULT_INVALID_REQUEST;
    wrn_reply_error_as(request, status, code, "%s", why);
}

static void refuse_body(wrn_conn *conn, size_t limit) {
    char why[96];
    snprintf(why, sizeof(why), "the request body is larger than %zu bytes, the limit here", limit);
    refuse_request(conn, 413, why);
}

static void begin_body(wrn_conn *conn) {
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)go_on, sizeof(go_on) - 1);
    wrn_request *request = conn->request;
    bool asked = request->head.expect_continue && request->head.content_length != 0;
    conn->held = false;
    conn->streaming = conn->to_stream;
    if (conn->streaming) {
        conn->running = WRN_TAKE(conn->request);
        conn->http->handler.run(conn->http->handler.context, request);
    } else {
        request->body = WRN_BUF_LIMITED(request->body_max);
        if (request->head.content_length > (int64_t)request->body_max) return refuse_body(conn, request->body_max);
    }
    if (!asked || conn->state != WRN_CONN_BODY) return; /* a final answer instead */
    if (uv_try_write(&conn->io.stream, &out, 1) != (int)out.len) wrn_conn_close(conn);
}

static void conn_take_head(wrn_conn *conn) {
    wrn_http *http = conn->http;
    wrn_request *request = new_request(conn);
    request->head = conn->parser.ready;
    conn->parser.ready = (wrn_http_head){0};
    request->started_us = wrn_now_us();
    request->body_max = (size_t)http->config.body_max;
    conn->state = WRN_CONN_BODY;
    conn->streaming = conn->paused = conn->streamed = false;
    conn->running = request; /* `head` may answer and so free the request */
    wrn_http_plan plan = http->handler.head(http->handler.context, request);
    if (plan == WRN_HTTP_ANSWERED) return;
    conn->request = WRN_TAKE(conn->running);
    conn->to_stream = plan == WRN_HTTP_STREAM;
    conn->held = wrn_turn_is_over(&conn->turn);
    if (!conn->held) begin_body(conn);
}

static void run_request(wrn_conn *conn) {
    conn->state = WRN_CONN_BUSY;
    conn->deadline_ms = 0;
    if (conn->streaming) return conn->running->on_body_end(conn->running);
    conn->running = WRN_TAKE(conn->request);
    conn->http->handler.run(conn->http->handler.context, conn->running);
}

static void conn_take_piece(wrn_conn *conn) {
    if (conn->state != WRN_CONN_BODY) return;
    if (conn->streaming) return conn->running->on_piece(conn->running, conn->parser.piece, conn->parser.piece_size);
    wrn_buf *body = &conn->request->body;
    if (!wrn_request_charge(conn->request, conn->parser.piece_size)) return refuse_request(conn, 503, WRN_BUDGET_SPENT);
    wrn_buf_put(body, conn->parser.piece, conn->parser.piece_size);
    if (body->failed) refuse_body(conn, conn->request->body_max);
}

static void take_step(wrn_conn *conn, wrn_http1_step step) {
    switch (step) {
    case WRN_HTTP1_HEAD: return conn_take_head(conn);
    case WRN_HTTP1_BODY: return conn_take_piece(conn);
    case WRN_HTTP1_END:
        if (conn->state == WRN_CONN_LINGER) wrn_conn_close(conn);
        else if (conn->state == WRN_CONN_BODY) run_request(conn);
        return;
    case WRN_HTTP1_BAD:
        conn->deaf = true;
        if (conn->state != WRN_CONN_LINGER) refuse_request(conn, conn->parser.status, conn->parser.why);
        return;
    case WRN_HTTP1_MORE: return;
    }
}

/* Processes input until it is consumed or a request has to be answered first. Returns the number of bytes consumed. */
static size_t advance(wrn_conn *conn, const char *data, size_t size) {
    size_t at = 0;
    conn->advancing = true;
    while ((conn->state == WRN_CONN_HEAD || conn->state == WRN_CONN_BODY || conn->state == WRN_CONN_LINGER) &&
           !conn->deaf && !conn->turn.waits) {
        size_t used;
        wrn_http1_step step = wrn_http1_feed(&conn->parser, data + at, size - at, &used);
        at += used;
        if (step == WRN_HTTP1_MORE) break;
        take_step(conn, step);
        if (wrn_turn_is_over(&conn->turn)) wrn_turn_wait(&conn->turn);
    }
    conn->advancing = false;
    return conn->deaf ? size : at;
}

static void end_tap_input(wrn_conn *conn) {
    conn->input_over = conn->half_closed = true;
    wrn_conn_update_reading(conn);
    conn->tap.end(conn->tap_context);
}

/* Adapts the read size to how much work the input causes. */
static void end_turn(wrn_conn *conn) {
    bool waits = wrn_turn_end(&conn->turn);
    int64_t took_us = conn->turn.took_us;
    if (conn->state == WRN_CONN_CLOSED) return wrn_turn_cancel(&conn->turn);
    if (waits) wrn_conn_update_reading(conn);
    if (took_us > 2 * WRN_TURN_US && conn->gulp > LEAST) conn->gulp /= 2;
    else if (took_us < WRN_TURN_US / 2 && conn->gulp < LITTLE) conn->gulp *= 2;
}

static void take_read(wrn_conn *conn, ssize_t got, const uv_buf_t *buf);

static void conn_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
    wrn_conn *conn = stream->data;
    if (got == 0) return;
    if (got == UV_ENOBUFS) return wrn_conn_update_reading(conn); /* its turn comes later */
    wrn_turn_begin(&conn->turn);
    take_read(conn, got, buf);
    end_turn(conn); /* even a closed one is freed later, from the loop */
}

static void take_read(wrn_conn *conn, ssize_t got, const uv_buf_t *buf) {
    if (got == UV_EOF && conn->state == WRN_CONN_TAP && conn->tap.end) return end_tap_input(conn);
    if (got < 0) return wrn_conn_close(conn);
    if (conn->state == WRN_CONN_TAP) return conn->tap.data(conn->tap_context, buf->base, (size_t)got);
    if (conn->state == WRN_CONN_LINGER) {
        conn->discarded += (size_t)got;
        if (conn->discarded > DISCARD_MAX) return wrn_conn_close(conn);
    }
    size_t used = advance(conn, buf->base, (size_t)got);
    if (conn->state == WRN_CONN_CLOSED) return;
    wrn_buf_put(&conn->rest, buf->base + used, (size_t)got - used);
    if (conn->state == WRN_CONN_TAP) return wrn_tap_read(conn, !conn->paused);
    update_deadline(conn);
    wrn_conn_update_reading(conn);
}

/* Goes on with input that was read before the last answer was complete, or before a wait. */
static void advance_rest(wrn_conn *conn) {
    size_t used = advance(conn, conn->rest.size ? conn->rest.data : "", conn->rest.size);
    if (conn->state == WRN_CONN_CLOSED) return;
    wrn_buf_consume(&conn->rest, used);
    if (conn->state == WRN_CONN_TAP) return wrn_tap_read(conn, !conn->paused);
    if (!conn->rest.size) wrn_buf_free(&conn->rest);
    update_deadline(conn);
    wrn_conn_update_reading(conn);
}

void wrn_conn_went_round(wrn_conn *conn) {
    conn->has_sent = false;
    if (conn->state == WRN_CONN_CLOSED) return;
    wrn_conn_flush(conn);
    wrn_conn_wrote(conn);
}

/* Its wait is over. */
static void conn_on_turn(wrn_turn *turn) {
    wrn_conn *conn = turn->context;
    bool unread = conn->unread;
    conn->unread = false;
    if (unread && !conn->rest.size) return wrn_conn_update_reading(conn);
    wrn_turn_begin(turn);
    if (conn->held) begin_body(conn);
    advance_rest(conn);
    end_turn(conn);
}

/* ---- writing ---- */

static void conn_on_shutdown(uv_shutdown_t *shutdown, int status) {
    wrn_conn *conn = shutdown->handle->data;
    if (status < 0) wrn_conn_close(conn);
}

void wrn_conn_answered(wrn_conn *conn) {
    wrn_buf_free(&conn->out_head);
    wrn_buf_free(&conn->out_body);
    wrn_conn_charge(conn);
    if (conn->keep_alive && !conn->http->stopping) {
        conn->state = WRN_CONN_HEAD;
        conn->head_timed = false;
        conn->waits_since_ms = wrn_now_ms();
        conn->deadline_ms = conn->waits_since_ms + conn->http->config.idle_ms;
        if (!conn->advancing) advance_rest(conn);
        return;
    }
    conn->state = WRN_CONN_LINGER;
    conn->deadline_ms = wrn_now_ms() + conn->http->config.linger_ms;
    wrn_buf_clear(&conn->rest);
    if (uv_shutdown(&conn->shutdown, &conn->io.stream, conn_on_shutdown) != 0) return wrn_conn_close(conn);
    if (!conn->advancing) wrn_conn_update_reading(conn);
}

static void conn_on_written(uv_write_t *write, int status) {
    wrn_conn *conn = write->handle->data;
    if (conn->state == WRN_CONN_CLOSED) return;
    if (status < 0) return wrn_conn_close(conn);
    wrn_conn_answered(conn);
}

static void send_answer(wrn_conn *conn) {
    conn->state = WRN_CONN_WRITE;
    conn->deadline_ms = wrn_now_ms() + conn->http->config.write_ms;
    wrn_buf *parts[] = {&conn->out_head, &conn->out_body};
    uv_buf_t bufs[2];
    unsigned count = 0;
    for (size_t i = 0; i < 2; i++)
        if (parts[i]->size) bufs[count++] = uv_buf_init(parts[i]->data, (unsigned)parts[i]->size);
    int sent = uv_try_write(&conn->io.stream, bufs, count);
    if (sent < 0 && sent != UV_EAGAIN) return wrn_conn_close(conn);
    size_t left = sent > 0 ? (size_t)sent : 0;
    uv_buf_t *at = bufs;
    while (count && left >= at->len) {
        left -= at->len;
        at++;
        count--;
    }
    if (!count) return wrn_conn_answered(conn);
    at->base += left;
    at->len -= left;
    conn->unsent = SIZE_MAX;
    if (uv_write(&conn->write, &conn->io.stream, at, count, conn_on_written) != 0 || !wrn_conn_charge(conn))
        return wrn_conn_close(conn);
    if (!conn->advancing) wrn_conn_update_reading(conn);
}

static const char *reason_of(int status) {
    static const char *const reasons[] = {[200] = "OK",
                                          [201] = "Created",
                                          [202] = "Accepted",
                                          [204] = "No Content",
                                          [400] = "Bad Request",
                                          [401] = "Unauthorized",
                                          [403] = "Forbidden",
                                          [404] = "Not Found",
                                          [405] = "Method Not Allowed",
                                          [408] = "Request Timeout",
                                          [409] = "Conflict",
                                          [413] = "Content Too Large",
                                          [414] = "URI Too Long",
                                          [415] = "Unsupported Media Type",
                                          [417] = "Expectation Failed",
                                          [426] = "Upgrade Required",
                                          [429] = "Too Many Requests",
                                          [431] = "Request Header Fields Too Large",
                                          [500] = "Internal Server Error",
                                          [501] = "Not Implemented",
                                          [502] = "Bad Gateway",
                                          [503] = "Service Unavailable",
                                          [504] = "Gateway Timeout"};
    const char *reason = (size_t)status < WRN_COUNT(reasons) ? reasons[status] : NULL;
    return reason ? reason : "Status";
}

static const char *date_now(void) {
    static char text[40];
    static int64_t made;
    time_t now = (time_t)wrn_unix_time();
    struct tm parts;
    if (now != made && gmtime_r(&now, &parts)) {
        made = now;
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    }
    return text;
}

void wrn_conn_compose(wrn_conn *conn, const wrn_request *request, int status, const char *type, int64_t length) {
    wrn_buf *out = &conn->out_head;
    wrn_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, request->reason ? request->reason : reason_of(status),
                   date_now());
    if (type) wrn_buf_printf(out, "Content-Type: %s\r\n", type);
    if (length >= 0 && status != 204) wrn_buf_printf(out, "Content-Length: %lld\r\n", (long long)length);
    if (conn->chunked) wrn_buf_puts(out, "Transfer-Encoding: chunked\r\n");
    wrn_buf_printf(out, "Connection: %s\r\n", conn->keep_alive ? "keep-alive" : "close");
    if (request->fields.size) wrn_buf_put(out, request->fields.data, request->fields.size);
    wrn_buf_puts(out, "\r\n");
}

void wrn_conn_note(const wrn_request *request, int status) {
    if (request->answered) request->answered(request->app, request, status);
}

void wrn_request_peer(const wrn_request *request, char *out, size_t size) {
    const wrn_conn *conn = request->conn;
    struct sockaddr_storage peer;
    struct ucred process;
    socklen_t process_size = sizeof(process);
    int fd, length = sizeof(peer);
    out[0] = '\0';
    if (!conn || conn->state == WRN_CONN_CLOSED || uv_fileno(&conn->io.handle, &fd) != 0) return;
    if (conn->io.handle.type == UV_TCP && uv_tcp_getpeername(&conn->io.tcp, (struct sockaddr *)&peer, &length) == 0)
        wrn_write_address(&peer, out, size);
    else if (conn->io.handle.type != UV_TCP && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &process_size) == 0)
        snprintf(out, size, "uid %u", (unsigned)process.uid);
}

void wrn_request_set_owner(const wrn_request *request, const char *id) {
    if (request->conn) wrn_turn_set_owner(&request->conn->turn, id);
}

bool wrn_request_is_local(const wrn_request *request) {
    const wrn_conn *conn = request->conn;
    struct sockaddr_storage peer;
    int size = sizeof(peer);
    if (!conn || conn->state == WRN_CONN_CLOSED || wrn_http_head_get(&request->head, "forwarded") ||
        wrn_http_head_get(&request->head, "x-forwarded-for"))
        return false;
    return conn->io.handle.type != UV_TCP ||
           (uv_tcp_getpeername(&conn->io.tcp, (struct sockaddr *)&peer, &size) == 0 && wrn_is_loopback(&peer));
}

void wrn_conn_reply(wrn_request *request, int status, const char *type, wrn_buf *body) {
    wrn_conn *conn = request->conn;
    const char *method = request->head.method ? request->head.method : "-";
    wrn_conn_note(request, status);
    if (!conn) {
        wrn_buf_free(body);
        return wrn_conn_free_request(request);
    }
    /* An answer before the end of the request's body ends the connection. */
    bool early = conn->state != WRN_CONN_BUSY && request->head.content_length != 0;
    conn->keep_alive = request->head.keep_alive && !early && !conn->http->stopping;
    conn->chunked = false;
    wrn_conn_compose(conn, request, status, type, (int64_t)body->size);
    conn->out_body = *body;
    if (strcmp(method, "HEAD") == 0) wrn_buf_clear(&conn->out_body);
    conn->running = NULL;
    /* send_answer() reduces this to what is unsent. */
    conn->charged += request->charged;
    request->charged = 0;
    wrn_conn_free_request(request);
    send_answer(conn);
}

/* ---- deadlines, accepting ---- */

/* The client has shut down its sending side. Sending it a second "100 Continue" shows whether it is still there: a client
 * ignores it, a closed socket answers with a reset. Otherwise keep-alive probes find out in a minute or two. */
static void probe_client(wrn_conn *conn) {
    enum { IDLE_SEC = 10 };
    static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const wrn_request *request = conn->running ? conn->running : conn->request;
    conn->half_closed = true;
    if (conn->io.handle.type == UV_TCP) uv_tcp_keepalive(&conn->io.tcp, 1, IDLE_SEC);
    bool unanswered = conn->state == WRN_CONN_BUSY || conn->state == WRN_CONN_BODY;
    if (!unanswered || !request || request->head.http_1_0) return;
    uv_buf_t out = uv_buf_init(go_on, sizeof(go_on) - 1);
    (void)uv_try_write(&conn->io.stream, &out, 1);
}

/* Whether the client has gone while nothing is read from it, which libuv does not report. A client that has only shut down
 * its sending side may still wait for the answer. */
static bool has_hung_up(wrn_conn *conn) {
    bool tapped = conn->state == WRN_CONN_TAP;
    struct pollfd socket = {.events = POLLRDHUP};
    if (conn->reading || uv_fileno(&conn->io.handle, &socket.fd) != 0 || poll(&socket, 1, 0) <= 0) return false;
    if (socket.revents & (POLLERR | POLLHUP)) return true;
    if (tapped && !conn->tap.end) return true;
    if (!conn->half_closed) probe_client(conn);
    return false;
}

bool wrn_request_is_unheard(const wrn_request *request) {
    /* The second look sees what a probe of the first one brought about. */
    return !request->conn || has_hung_up(request->conn) || has_hung_up(request->conn);
}

void wrn_conn_sweep(wrn_conn *conn, int64_t now) {
    if (conn->state == WRN_CONN_CLOSED) return;
    if (conn->broken || has_hung_up(conn)) return wrn_conn_close(conn);
    bool sending = conn->state == WRN_CONN_WRITE || conn->state == WRN_CONN_STREAM || conn->state == WRN_CONN_TAP ||
                   conn->state == WRN_CONN_FLUSH;
    if (sending) {
        /* libuv does not report partial writes. */
        size_t unsent = wrn_conn_unsent(conn);
        if (!unsent) conn->deadline_ms = 0;
        else if (!conn->deadline_ms || unsent < conn->unsent) conn->deadline_ms = now + conn->http->config.write_ms;
        conn->unsent = unsent;
    }
    if (!conn->deadline_ms || now < conn->deadline_ms || conn->state == WRN_CONN_CLOSED) return;
    bool waiting = conn->state == WRN_CONN_BODY || (conn->state == WRN_CONN_HEAD && wrn_http1_has_begun(&conn->parser));
    if (!waiting) return wrn_conn_close(conn);
    conn->deaf = true;
    refuse_request(conn, 408, "the request took too long to arrive");
}

/* Unauthenticated, or between two requests. */
static bool is_spare(const wrn_conn *conn) {
    switch (conn->state) {
    case WRN_CONN_HEAD: return true;
    case WRN_CONN_BODY: return conn->request && !*conn->request->who.team_id;
    case WRN_CONN_TAP: return conn->stranger;
    default: return false;
    }
}

/* Whether a request is there that has not had its turn to be read: then it is we who are late. */
static bool has_unread_request(const wrn_conn *conn) {
    int fd, unread = 0;
    return conn->state == WRN_CONN_HEAD && !wrn_http1_has_begun(&conn->parser) &&
           uv_fileno(&conn->io.handle, &fd) == 0 && ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

/* Whether it has waited for long enough to give way to others: a second, but half a minute where its owner has few. */
static bool has_had_time(const wrn_conn *conn, int crowd, int64_t now_ms) {
    enum { FEW = 8, PATIENCE_MS = 1000, LONG_MS = 30000 };
    return now_ms - conn->waits_since_ms >= (crowd <= FEW ? LONG_MS : PATIENCE_MS);
}

/* One that has had its answer. Or, of the spare ones that have waited since then or later, one of whoever has most
 * connections: the one that has waited longest. */
static wrn_conn *least_useful(const wrn_http *http, const wrn_conn *newest, int64_t since_ms) {
    wrn_conn *found = NULL;
    int64_t now_ms = wrn_now_ms();
    int most = 0;
    for (wrn_conn *conn = http->conns; conn; conn = conn->next) {
        if (conn == newest) continue;
        if (conn->state == WRN_CONN_LINGER) return conn;
        int crowd = wrn_turn_crowd(&conn->turn);
        if (!is_spare(conn) || conn->waits_since_ms < since_ms || !has_had_time(conn, crowd, now_ms)) continue;
        if (crowd < most || (found && crowd == most && conn->waits_since_ms >= found->waits_since_ms)) continue;
        most = crowd;
        found = conn;
    }
    return found;
}

/* Closes the least useful connection. False: there is none among the first few. */
static bool make_room(wrn_http *http, const wrn_conn *newest) {
    enum { TRIES = 4 };
    int64_t since_ms = 0;
    for (int i = 0; i < TRIES; i++) {
        wrn_conn *conn = least_useful(http, newest, since_ms);
        if (!conn) return false;
        if (!has_unread_request(conn)) return wrn_conn_close(conn), true;
        since_ms = conn->waits_since_ms + 1;
    }
    return false;
}

void wrn_conn_accept(wrn_http *http, uv_stream_t *listener) {
    wrn_conn *conn = calloc(1, sizeof(*conn));
    wrn_hold_tick();
    bool is_tcp = listener->type == UV_TCP;
    if (is_tcp) uv_tcp_init(http->loop, &conn->io.tcp);
    else uv_pipe_init(http->loop, &conn->io.pipe, 0);
    conn->io.handle.data = conn;
    conn->http = http;
    conn->turn = (wrn_turn){.go = conn_on_turn, .context = conn, .loop = http->loop, .is_new = true};
    conn->gulp = LITTLE;
    conn->next = http->conns;
    conn->link = &http->conns;
    if (http->conns) http->conns->link = &conn->next;
    http->conns = conn;
    http->conn_count++;
    http->accepted++;
    http->open_count++;
    wrn_http1_init(&conn->parser, &(wrn_http1_limits){.url_max = 8192, .head_max = 32768, .fields_max = 100});
    if (uv_accept(listener, &conn->io.stream) != 0) return wrn_conn_close(conn);
    if (is_tcp) uv_tcp_nodelay(&conn->io.tcp, 1);
    conn->head_timed = true;
    conn->waits_since_ms = wrn_now_ms();
    conn->deadline_ms = conn->waits_since_ms + http->config.head_ms;
    size_t max = (size_t)http->config.connections_max;
    if (http->open_count > max && make_room(http, conn)) return wrn_conn_update_reading(conn);
    if (http->open_count > max + REFUSED_MAX) return wrn_conn_close(conn);
    if (http->open_count > max) {
        conn->deaf = true;
        return refuse_request(conn, 503, "too many connections are open; try again later");
    }
    wrn_conn_update_reading(conn);
}
