/* Streamed bodies and answers, and taps. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/http/budget.h"
#include "server/http/conn.h"

/* ---- sending ---- */

/* The first data in an iteration of the loop is sent at once; what follows in the same iteration is gathered, because a
 * system call costs far more than a few bytes and some programs write single bytes. At most one write waits in libuv. */
enum { LARGE = 16 * 1024 }; /* worth a system call of its own */

/* A connection that can't be written to is closed by the next sweep, not from inside the call that wrote. */
static void break_off(wrn_conn *conn) { conn->broken = true; }

static void stream_on_written(uv_write_t *write, int status) {
    wrn_conn *conn = write->handle->data;
    wrn_buf_free(&conn->sending);
    conn->writing = false;
    if (conn->state == WRN_CONN_CLOSED) return;
    if (status < 0) return wrn_conn_close(conn);
    wrn_conn_flush(conn);
    wrn_conn_wrote(conn);
}

size_t wrn_conn_unsent(const wrn_conn *conn) {
    return uv_stream_get_write_queue_size(&conn->io.stream) + conn->gathered.size;
}

bool wrn_conn_charge(wrn_conn *conn) { return wrn_budget_charge(&conn->charged, wrn_conn_unsent(conn)); }

static bool queue_write(wrn_conn *conn, const char *data, size_t size) {
    wrn_buf_put(&conn->sending, data, size);
    uv_buf_t out = uv_buf_init(conn->sending.data, (unsigned)size);
    return conn->writing = uv_write(&conn->write, &conn->io.stream, &out, 1, stream_on_written) == 0;
}

/* Writes as much as the kernel takes and queues the rest. */
static void push(wrn_conn *conn, const char *data, size_t size) {
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)data, (unsigned)size);
    int sent = uv_try_write(&conn->io.stream, &out, 1);
    if (sent < 0 && sent != UV_EAGAIN) return break_off(conn);
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done < size && !queue_write(conn, data + done, size - done)) break_off(conn);
}

void wrn_conn_flush(wrn_conn *conn) {
    if (conn->writing || conn->broken) return;
    if (conn->gathered.size) push(conn, conn->gathered.data, conn->gathered.size);
    wrn_buf_free(&conn->gathered);
    if (!conn->shut || conn->shutting) return;
    conn->shutting = true;
    if (uv_shutdown(&conn->shutdown, &conn->io.stream, NULL) != 0) break_off(conn);
}

static void send_copy(wrn_conn *conn, const void *data, size_t size) {
    if (conn->state == WRN_CONN_CLOSED || conn->broken || !size) return;
    if (!conn->writing && !conn->gathered.size && (!conn->has_sent || size >= LARGE)) push(conn, data, size);
    else wrn_buf_put(&conn->gathered, data, size);
    conn->has_sent = true;
    wrn_conn_go_round(conn);
    if (!wrn_conn_charge(conn) || wrn_conn_unsent(conn) > WRN_HIGH_WATER) conn->crowded = true;
}

/* A closed tap has sent everything. */
static void end_tap(wrn_conn *conn) {
    conn->state = WRN_CONN_LINGER;
    conn->deadline_ms = wrn_now_ms() + conn->http->config.linger_ms;
    conn->deaf = true;
    if (conn->shutting) return wrn_conn_close(conn);
    if (uv_shutdown(&conn->shutdown, &conn->io.stream, NULL) != 0) return wrn_conn_close(conn);
    wrn_conn_update_reading(conn);
}

void wrn_conn_wrote(wrn_conn *conn) {
    size_t unsent = wrn_conn_unsent(conn);
    bool charged = wrn_conn_charge(conn);
    if (conn->state == WRN_CONN_FLUSH && !unsent) return end_tap(conn);
    if (conn->state == WRN_CONN_WRITE && !unsent && conn->streamed) return wrn_conn_answered(conn);
    if (conn->state == WRN_CONN_TAP && !unsent && conn->tap.sent) conn->tap.sent(conn->tap_context);
    if (!conn->crowded || !charged || unsent > WRN_HIGH_WATER / 2) return;
    conn->crowded = false;
    if (conn->state == WRN_CONN_TAP && conn->tap.room) conn->tap.room(conn->tap_context);
    else if (conn->running && conn->running->on_room) conn->running->on_room(conn->running);
}

/* ---- streamed bodies ---- */

void wrn_request_pause(wrn_request *request, bool pause) {
    wrn_conn *conn = request->conn;
    if (!conn || conn->state != WRN_CONN_BODY || conn->paused == pause) return;
    conn->paused = pause;
    conn->deadline_ms = pause ? 0 : wrn_now_ms() + conn->http->config.body_ms;
    if (!conn->advancing) wrn_conn_update_reading(conn);
}

/* ---- streamed answers ---- */

void wrn_reply_begin(wrn_request *request, int status, const char *type, int64_t length) {
    wrn_conn *conn = request->conn;
    if (!conn) return;
    bool early = conn->state != WRN_CONN_BUSY && request->head.content_length != 0;
    conn->bodiless = status == 204 || status == 304 || strcmp(request->head.method, "HEAD") == 0;
    conn->chunked = length < 0 && !conn->bodiless && !request->head.http_1_0;
    conn->keep_alive =
        request->head.keep_alive && !early && !conn->http->stopping && (length >= 0 || conn->chunked || conn->bodiless);
    wrn_conn_compose(conn, request, status, type, length);
    conn->state = WRN_CONN_STREAM;
    conn->deadline_ms = 0;
    conn->unsent = 0;
    conn->crowded = false;
    conn->running = request;
    wrn_conn_note(request, status);
    send_copy(conn, conn->out_head.data, conn->out_head.size);
    wrn_buf_free(&conn->out_head);
    if (!conn->advancing) wrn_conn_update_reading(conn);
}

void wrn_reply_piece(wrn_request *request, const void *data, size_t size) {
    wrn_conn *conn = request->conn;
    if (!conn || !size || conn->bodiless) return;
    if (!conn->chunked) return send_copy(conn, data, size);
    WRN_AUTO(wrn_buf_free) wrn_buf chunk = WRN_BUF_INIT;
    wrn_buf_printf(&chunk, "%zx\r\n", size);
    wrn_buf_put(&chunk, data, size);
    wrn_buf_puts(&chunk, "\r\n");
    send_copy(conn, chunk.data, chunk.size);
}

bool wrn_reply_is_crowded(const wrn_request *request) { return request->conn && request->conn->crowded; }

void wrn_reply_end(wrn_request *request, bool whole) {
    wrn_conn *conn = request->conn;
    if (conn) conn->running = NULL;
    wrn_conn_free_request(request);
    if (!conn) return;
    if (!whole || conn->broken) return wrn_conn_close(conn);
    if (conn->chunked) send_copy(conn, "0\r\n\r\n", 5);
    if (conn->broken) return wrn_conn_close(conn);
    conn->state = WRN_CONN_WRITE;
    conn->streamed = true;
    wrn_conn_flush(conn);
    if (!wrn_conn_unsent(conn)) wrn_conn_answered(conn);
}

/* ---- taps ---- */

wrn_tap *wrn_request_take_over(wrn_request *request, const char *head, const wrn_tap_events *events, void *context) {
    wrn_conn *conn = request->conn;
    wrn_conn_note(request, atoi(head + strlen("HTTP/1.1 ")));
    if (conn) conn->running = NULL;
    wrn_conn_free_request(request);
    if (!conn) return NULL;
    conn->state = WRN_CONN_TAP;
    conn->tap = *events;
    conn->tap_context = context;
    conn->paused = true;
    conn->streaming = conn->crowded = false;
    conn->deadline_ms = 0;
    conn->unsent = 0;
    send_copy(conn, head, strlen(head));
    if (!conn->advancing) wrn_conn_update_reading(conn);
    return conn;
}

void wrn_tap_read(wrn_tap *tap, bool on) {
    tap->paused = !on;
    wrn_conn_update_reading(tap);
    if (!on || !tap->rest.size || tap->advancing) return;
    /* Input that came along with the request. */
    wrn_buf rest = tap->rest;
    tap->rest = WRN_BUF_INIT;
    tap->tap.data(tap->tap_context, rest.data, rest.size);
    wrn_buf_free(&rest);
}

void wrn_tap_set_stranger(wrn_tap *tap, bool stranger) { tap->stranger = stranger; }

void wrn_tap_set_patience(wrn_tap *tap, unsigned seconds) {
    unsigned ms = seconds * 1000;
    int fd;
    if (tap->io.handle.type == UV_TCP && uv_fileno(&tap->io.handle, &fd) == 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

void wrn_tap_set_owner(wrn_tap *tap, const char *id) { wrn_turn_set_owner(&tap->turn, id); }

void wrn_tap_write(wrn_tap *tap, const void *data, size_t size) { send_copy(tap, data, size); }

size_t wrn_tap_unsent(const wrn_tap *tap) { return wrn_conn_unsent(tap); }

bool wrn_tap_is_crowded(const wrn_tap *tap) { return tap->crowded; }

void wrn_tap_close(wrn_tap *tap) {
    tap->state = WRN_CONN_FLUSH;
    wrn_buf_free(&tap->rest);
    wrn_conn_flush(tap);
    if (tap->broken) return wrn_conn_close(tap);
    if (!wrn_conn_unsent(tap)) end_tap(tap);
    else wrn_conn_update_reading(tap);
}

void wrn_tap_shut(wrn_tap *tap) {
    tap->shut = true;
    wrn_conn_flush(tap);
}

void wrn_tap_abort(wrn_tap *tap) {
    tap->state = WRN_CONN_FLUSH; /* so that `gone` is not called */
    wrn_conn_close(tap);
}
