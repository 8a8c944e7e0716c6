#include "client/stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/sandbox.h"

enum { QUEUE_HIGH = 256 * 1024, NODE_COST = 64, CLOSE_MS = 5000, MESSAGE_MAX = 16 * 1024 * 1024 };

struct wrn_stream_node {
    wrn_stream_node *next;
    wrenn_event event;
    char data[];
};

/* ---- the queue ---- */

static void notify_ready(wrenn_stream *s) {
    wrenn_client *client = s->client;
    if (!s->ready || s->ready_pending || s->opening) return;
    s->ready_pending = true;
    s->next_ready = NULL;
    *client->ready_tail = s;
    client->ready_tail = &s->next_ready;
}

static void throttle_socket(wrenn_stream *s) {
    bool pause = s->paused ? s->queued > QUEUE_HIGH / 2 : s->queued > QUEUE_HIGH;
    if (pause == s->paused) return;
    s->paused = pause;
    if (s->socket) wrn_socket_pause(s->socket, pause);
}

bool wrn_stream_push(wrenn_stream *s, const wrenn_event *event) {
    if (s->over) return false;
    wrn_stream_node *node = malloc(sizeof(*node) + event->size + 1);
    if (!node) {
        wrn_stream_finish(s, wrn_error_new(WRENN_E_NO_MEMORY, "stream: out of memory"));
        return false;
    }
    node->next = NULL;
    node->event = *event;
    if (event->data) {
        memcpy(node->data, event->data, event->size);
        node->data[event->size] = '\0';
        node->event.data = node->data;
    }
    *s->queue_tail = node;
    s->queue_tail = &node->next;
    s->queued += event->size + NODE_COST;
    throttle_socket(s);
    notify_ready(s);
    return true;
}

static bool pull_event(wrenn_stream *s, const wrenn_event **event) {
    free(WRN_TAKE(s->current));
    s->current = s->queue;
    if (!s->current) return false;
    s->queue = s->current->next;
    if (!s->queue) s->queue_tail = &s->queue;
    s->queued -= s->current->event.size + NODE_COST;
    *event = &s->current->event;
    throttle_socket(s);
    return true;
}

/* ---- the end ---- */

static void stream_disconnect(wrenn_stream *s) {
    if (s->type->terminal) s->type->terminal->end(s);
    wrn_socket_free(WRN_TAKE(s->socket));
}

void wrn_stream_finish(wrenn_stream *s, wrenn_error *error) {
    if (s->over) return wrenn_error_free(error);
    if (s->opening) {
        wrenn_op *op = s->opening;
        wrn_socket_free(WRN_TAKE(s->socket));
        if (!error)
            error = wrn_error_new(WRENN_E_CONNECTION_LOST, "%s: the connection ended before the stream had begun",
                                  op->type->name);
        return wrn_op_fail(op, error);
    }
    s->over = true;
    s->error = error;
    stream_disconnect(s);
    notify_ready(s);
}

static void unlink_stream(wrenn_stream *s) {
    wrenn_client *client = s->client;
    if (s->next) s->next->previous = s->previous;
    if (s->previous) s->previous->next = s->next;
    else client->streams = s->next;
    if (!s->ready_pending) return;
    wrenn_stream **at = &client->ready_first;
    while (*at != s) at = &(*at)->next_ready;
    *at = s->next_ready;
    if (!*at) client->ready_tail = at;
}

static void stream_destroy(wrenn_stream *s) {
    /* A forked child must not close the parent's connection. */
    if (s->client->owner == getpid()) stream_disconnect(s);
    unlink_stream(s);
    while (s->queue) {
        wrn_stream_node *node = s->queue;
        s->queue = node->next;
        free(node);
    }
    free(s->current);
    wrn_buf_free(&s->first_wrapped);
    wrn_buf_free(&s->terminal.held);
    wrenn_error_free(s->error);
    wrn_sandbox_unref(s->sandbox);
    wrenn_client *client = s->client;
    free(s);
    wrn_client_unref(client);
}

static wrenn_error *freed_error(void) { return wrn_error_new(WRENN_E_CANCELLED, "stream: it was freed in a callback"); }

void wrenn_stream_free(wrenn_stream *stream) {
    if (!stream) return;
    wrenn_client *client = stream->client;
    if (stream->waiting) { /* the waiting call frees it */
        stream->freed = true;
        stream->ready = NULL;
        return wrn_stream_finish(stream, freed_error());
    }
    wrn_client_ref(client);
    stream_destroy(stream);
    if (client->owner == getpid()) wrn_client_settle(client);
    wrn_client_unref(client);
}

void wrn_streams_cancel(wrenn_client *client) {
    for (wrenn_stream *s = client->streams; s; s = s->next) {
        s->ready = NULL;
        wrn_stream_finish(s, wrn_error_new(WRENN_E_CANCELLED, "the client was freed"));
    }
}

bool wrn_streams_listen(const wrenn_client *client) {
    const wrenn_stream *s = client->streams;
    while (s && (s->over || !s->ready)) s = s->next;
    return s != NULL;
}

int wrn_streams_run_ready(wrenn_client *client) {
    int count = 0;
    size_t due = 0; /* streams that become ready meanwhile wait for the next dispatch */
    for (wrenn_stream *s = client->ready_first; s; s = s->next_ready) due++;
    for (; due && client->ready_first && !client->free_pending; due--) {
        wrenn_stream *s = client->ready_first;
        client->ready_first = s->next_ready;
        if (!client->ready_first) client->ready_tail = &client->ready_first;
        s->ready_pending = false;
        if (!s->ready) continue; /* no longer asked for */
        wrn_client_enter_callback(client);
        s->ready(s, s->ready_data);
        wrn_client_leave_callback(client);
        count++;
    }
    return count;
}

/* ---- opening ---- */

static const struct {
    int code;
    const char *why;
} ends[] = {
    [WRN_SOCKET_CLOSED] = {WRENN_E_CONNECTION_LOST, "the server closed the stream before its end"},
    [WRN_SOCKET_LOST] = {WRENN_E_CONNECTION_LOST, "the connection broke"},
    [WRN_SOCKET_SILENT] = {WRENN_E_CONNECTION_LOST, "the server was silent for too long"},
    [WRN_SOCKET_BROKEN] = {WRENN_E_PROTOCOL, "the server violated the WebSocket protocol"},
    [WRN_SOCKET_TOO_LARGE] = {WRENN_E_LIMIT, "the server sent a message that is too large"},
    [WRN_SOCKET_NO_MEMORY] = {WRENN_E_NO_MEMORY, "out of memory"},
};

static void stream_on_ended(void *context, wrn_socket_end how, int code) {
    wrenn_stream *s = context;
    bool orderly = how == WRN_SOCKET_CLOSED && (code == 1000 || code == 1001 || code == 1005);
    /* Some servers answer a kill by closing the stream, without an exit. */
    bool good =
        (s->type->plain && orderly) || (s->kill_asked && !s->type->terminal && (orderly || how == WRN_SOCKET_LOST));
    wrenn_error *error = NULL;
    /* Some servers close the connection without an error when the process or terminal does not exist. */
    if (s->opening && (how == WRN_SOCKET_CLOSED || how == WRN_SOCKET_LOST))
        error = wrn_error_new(WRENN_E_CONNECTION_LOST,
                              "%s: the server closed the connection without an error: probably what was asked for "
                              "does not exist, or has not started",
                              s->opening->type->name);
    else if (!good && how == WRN_SOCKET_CLOSED)
        error = wrn_error_new(WRENN_E_CONNECTION_LOST, "stream: the server closed it before its end (code %d)", code);
    else if (!good) error = wrn_error_new(ends[how].code, "stream: %s; the outcome is unknown", ends[how].why);
    wrn_stream_finish(s, error);
}

static void stream_on_refused(void *context, wrn_http_response *response) {
    wrenn_stream *s = context;
    wrn_socket_free(WRN_TAKE(s->socket));
    wrn_op_answered(s->opening, response);
}

static void stream_on_opened(void *context, bool selected) {
    wrenn_stream *s = context;
    s->selected = selected;
    s->type->opened(s);
}

static void stream_on_message(void *context, bool binary, const char *data, size_t size) {
    wrenn_stream *s = context;
    if (s->type->terminal) s->type->terminal->heard(s);
    s->type->message(s, binary, data, size);
}

void wrn_stream_room(void *stream) {
    wrenn_stream *s = stream;
    if (s->size_owed) wrn_stream_send_size(s);
    if (s->kill_owed) wrn_stream_send_kill(s);
    if (!s->writer_waits) return;
    s->writer_waits = false;
    notify_ready(s);
}

void wrn_stream_op_send(wrenn_op *op) {
    static const wrn_socket_events events = {stream_on_opened, stream_on_refused, stream_on_message, wrn_stream_room,
                                             stream_on_ended};
    wrenn_stream *s = ((wrn_stream_op *)op)->stream;
    wrenn_client *client = op->client;
    WRN_AUTO(wrn_buf_free) wrn_buf url = WRN_BUF_INIT;
    bool ours = !op->url.size;
    wrn_op_url(op, &url);
    const wrn_socket_request request = {
        .url = url.data,
        .host = op->host.size ? op->host.data : NULL,
        .protocol = s->type->protocol,
        .api_key = ours ? client->api_key : NULL, /* never to what runs in a sandbox */
        .token = ours ? client->token : NULL,
        .extra = ours ? op->extra.data : NULL,
        .message_max = MESSAGE_MAX,
        .idle_ms = client->idle_timeout_ms,
    };
    if (!url.failed && !op->host.failed) s->socket = wrn_socket_open(client->sockets, &request, &events, s);
    if (!s->socket) wrn_op_fail(op, wrn_error_new(WRENN_E_NO_MEMORY, "%s: out of memory", op->type->name));
}

/* The operation is over. A stream that it has not handed out is freed with it. */
void wrn_stream_op_stop(wrenn_op *op) {
    wrn_stream_op *self = (wrn_stream_op *)op;
    if (self->stream) stream_destroy(WRN_TAKE(self->stream));
}

void wrn_stream_op_respond(wrenn_op *op, wrn_http_response *response) {
    wrn_op_fail(op, wrn_error_new(WRENN_E_PROTOCOL, "%s: the server answered with HTTP %d instead of a WebSocket",
                                  op->type->name, response->status));
}

static void stream_free_result(void *stream) { stream_destroy(stream); }

void wrn_stream_begun(wrenn_stream *s) {
    wrn_stream_op *op = (wrn_stream_op *)s->opening;
    if (!op) return;
    s->begun = true;
    s->opening = NULL;
    op->stream = NULL;
    if (s->type->terminal) s->type->terminal->begun(s);
    wrn_op_finish(&op->op, s, stream_free_result);
}

bool wrn_stream_op_init(wrenn_op *op) {
    wrenn_client *client = op->client;
    wrenn_stream *s = calloc(1, sizeof(*s));
    if (!s) return false;
    s->type = op->type->stream;
    s->client = client;
    wrn_client_ref(client);
    s->sandbox = op->sandbox;
    wrn_sandbox_ref(s->sandbox);
    s->queue_tail = &s->queue;
    if (s->type->terminal) s->type->terminal->init(s);
    s->opening = op;
    s->next = client->streams;
    if (s->next) s->next->previous = s;
    client->streams = s;
    ((wrn_stream_op *)op)->stream = s;
    return true;
}

wrenn_stream *wrn_stream_of(wrenn_op *op) { return ((wrn_stream_op *)op)->stream; }

/* ---- sending ---- */

bool wrn_stream_send(wrenn_stream *s, const char *json) {
    return s->socket && wrn_socket_send(s->socket, false, json, strlen(json));
}

static bool is_crowded(const wrenn_stream *s) {
    return s->socket && wrn_socket_unsent(s->socket) >= WRN_SOCKET_HIGH_WATER;
}

static bool stream_must_wait(const wrenn_stream *s) { return is_crowded(s) || s->terminal.held.size; }

/* While the server does not read, only the latest size and one kill are kept. */
bool wrn_stream_send_size(wrenn_stream *s) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    s->size_owed = stream_must_wait(s);
    if (s->size_owed) return true;
    wrn_buf_printf(&text, "{\"type\":\"resize\",\"cols\":%lld,\"rows\":%lld}", (long long)s->cols, (long long)s->rows);
    return !text.failed && wrn_stream_send(s, text.data);
}

bool wrn_stream_send_kill(wrenn_stream *s) {
    s->kill_owed = stream_must_wait(s);
    return s->kill_owed || wrn_stream_send(s, s->type->kill);
}

/* 0 when the stream can be used now. */
static int stream_check(wrenn_stream *s, wrenn_error **error) {
    if (!s) return wrn_refuse(error, "stream must not be NULL");
    int rc = wrn_client_check(s->client, error);
    if (rc != 0) return rc;
    if (s->error) return wrn_error_give(error, wrn_error_ref(s->error));
    if (s->over) return wrn_refuse(error, "stream: it has ended");
    return 0;
}

static int settle_sent(wrenn_stream *s, bool sent, wrenn_error **error) {
    wrn_client_settle(s->client);
    return sent ? 0 : wrn_no_memory(error, "stream");
}

/* Nothing was written; the ready callback will come when there is room. */
static int report_full(wrenn_stream *s) {
    s->writer_waits = true;
    return WRENN_E_AGAIN;
}

static int check_input(wrenn_stream *s, wrenn_error **error) {
    int rc = stream_check(s, error);
    if (rc != 0) return rc;
    if (!s->type->input || (!s->type->terminal && !s->type->plain && !s->wants_stdin))
        return wrn_refuse(error, "stream: it has no input; set want_stdin of the command");
    if (s->input_closed) return wrn_refuse(error, "stream: its input was closed");
    return 0;
}

/* Sends as much as there is room for; negative when out of memory. */
static int64_t stream_write_some(wrenn_stream *s, const char *data, size_t size) {
    size_t done = 0;
    if (s->type->terminal && !s->selected) return s->type->terminal->write(s, data, size);
    while (done < size && s->socket && !is_crowded(s)) {
        size_t piece = size - done < WRN_STREAM_PIECE ? size - done : WRN_STREAM_PIECE;
        if (!s->type->input(s, data + done, piece)) return -1;
        done += piece;
    }
    return (int64_t)done;
}

static int stream_may_wait(wrenn_stream *s, int64_t timeout_ms, wrenn_error **error) {
    return timeout_ms ? wrn_op_may_block(s->client, error) : 0;
}

/* False when the stream was freed meanwhile; leave_freed() then releases it. */
static bool wait_for(wrenn_stream *s, int64_t until_ms, bool (*over)(void *stream)) {
    s->waiting = true;
    wrn_client_run(s->client, until_ms, over, s);
    s->waiting = false;
    return !s->freed;
}

static bool leave_freed(wrenn_stream *s) {
    if (!s->freed) return false;
    wrenn_stream_free(s);
    return true;
}

static bool stream_has_room(void *context) {
    const wrenn_stream *s = context;
    return s->over || (!is_crowded(s) && !s->terminal.held.size);
}

/* Sends one whole message, which may be empty. */
static int64_t write_message(wrenn_stream *s, const char *data, size_t size, int64_t timeout_ms, wrenn_error **error) {
    int64_t until = wrn_in_ms(timeout_ms);
    while (is_crowded(s) && !s->over && timeout_ms && wrn_left_ms(until) && wait_for(s, until, stream_has_room)) {
    }
    if (leave_freed(s)) return wrn_error_give(error, freed_error());
    bool ready = !s->over && !is_crowded(s), sent = ready && s->type->input(s, data, size);
    s->writer_waits = !ready;
    wrn_client_settle(s->client);
    if (sent) return (int64_t)size;
    if (ready) return wrn_no_memory(error, "stream");
    return s->over ? stream_check(s, error) : WRENN_E_AGAIN;
}

int64_t wrenn_stream_write(wrenn_stream *s, const void *data, size_t size, int64_t timeout_ms, wrenn_error **error) {
    int rc = check_input(s, error);
    if (rc == 0 && !data && size) rc = wrn_refuse(error, "stream: data must not be NULL");
    if (rc == 0) rc = stream_may_wait(s, timeout_ms, error);
    if (rc != 0) return rc;
    if (s->type->plain) return write_message(s, data, size, timeout_ms, error);
    int64_t until = wrn_in_ms(timeout_ms), now;
    size_t done = 0;
    /* A caller that blocks may never run the loop again, so the pending write of a terminal is flushed here. */
    do {
        now = stream_write_some(s, (const char *)data + done, size - done);
        if (now > 0) done += (size_t)now;
    } while (now >= 0 && (done < size || s->terminal.held.size) && !s->over && timeout_ms && wrn_left_ms(until) &&
             wait_for(s, until, stream_has_room));
    if (leave_freed(s)) return wrn_error_give(error, freed_error());
    s->writer_waits = done < size;
    wrn_client_settle(s->client);
    if (done || !size) return (int64_t)done; /* an error is reported by the next call */
    if (now < 0) return wrn_no_memory(error, "stream");
    return s->over ? stream_check(s, error) : WRENN_E_AGAIN;
}

int wrenn_stream_close_input(wrenn_stream *s, wrenn_error **error) {
    int rc = check_input(s, error);
    if (rc != 0) return rc;
    if (s->type->terminal && is_crowded(s)) return report_full(s);
    if (s->type->terminal) {
        int64_t taken = stream_write_some(s, "\004", 1);
        return taken ? settle_sent(s, taken == 1, error) : report_full(s);
    }
    if (!s->type->close_input) return wrn_refuse(error, "stream: this input cannot be closed");
    s->input_closed = true;
    return settle_sent(s, wrn_stream_send(s, s->type->close_input), error);
}

int wrenn_stream_send_text_sized(wrenn_stream *s, const char *text, size_t size, wrenn_error **error) {
    int rc = stream_check(s, error);
    if (rc != 0) return rc;
    if (!s->type->plain) return wrn_refuse(error, "stream: text goes to a WebSocket only");
    if (!text && size) return wrn_refuse(error, "stream: the text must not be NULL");
    size_t valid = wrn_utf8_valid_prefix(text, size);
    if (valid != size)
        return wrn_refuse(error, "stream: the text is not UTF-8 (at byte %zu); send bytes with wrenn_stream_write()",
                          valid);
    return is_crowded(s) ? report_full(s) : settle_sent(s, wrn_socket_send(s->socket, false, text, size), error);
}

int wrenn_stream_send_text(wrenn_stream *s, const char *text, wrenn_error **error) {
    if (!text) return wrn_refuse(error, "stream: the text must not be NULL");
    return wrenn_stream_send_text_sized(s, text, strlen(text), error);
}

int wrenn_stream_resize(wrenn_stream *s, int64_t cols, int64_t rows, wrenn_error **error) {
    int rc = stream_check(s, error);
    if (rc != 0) return rc;
    if (!s->type->terminal) return wrn_refuse(error, "stream: not a terminal");
    if (cols <= 0 || rows <= 0 || cols > UINT16_MAX || rows > UINT16_MAX)
        return wrn_refuse(error, "stream: cols and rows must be from 1 to %d, not %lld and %lld", UINT16_MAX,
                          (long long)cols, (long long)rows);
    s->cols = cols;
    s->rows = rows;
    return settle_sent(s, s->type->terminal->resized(s), error);
}

int wrenn_stream_kill(wrenn_stream *s, wrenn_error **error) {
    int rc = stream_check(s, error);
    if (rc != 0) return rc;
    if (!s->type->kill) return wrn_refuse(error, "stream: an attached process is killed with wrenn_sandbox_kill()");
    s->kill_asked = true;
    if (s->type->terminal) s->type->terminal->killed(s);
    return settle_sent(s, wrn_stream_send_kill(s), error);
}

/* ---- receiving ---- */

static bool has_event(void *context) {
    const wrenn_stream *s = context;
    return s->over || s->queue;
}

int wrenn_stream_next(wrenn_stream *s, int64_t timeout_ms, const wrenn_event **event, wrenn_error **error) {
    if (!s || !event) return wrn_refuse(error, "stream and event must not be NULL");
    *event = NULL;
    if (pull_event(s, event)) {
        if (s->client->loop) wrn_client_settle(s->client);
        return 1;
    }
    if (!s->over) {
        int rc = wrn_client_check(s->client, error);
        if (rc == 0) rc = stream_may_wait(s, timeout_ms, error);
        if (rc != 0) return rc;
        if (timeout_ms && !wait_for(s, wrn_in_ms(timeout_ms), has_event)) {
            leave_freed(s);
            return wrn_error_give(error, freed_error());
        }
        bool got = pull_event(s, event);
        wrn_client_settle(s->client);
        if (got) return 1;
    }
    if (s->error) return wrn_error_give(error, wrn_error_ref(s->error));
    return s->over ? 0 : WRENN_E_AGAIN;
}

void wrenn_stream_on_ready(wrenn_stream *s, wrenn_ready_fn ready, void *user_data) {
    if (!s) return;
    s->ready = ready;
    s->ready_data = user_data;
    if (s->queue || s->over) notify_ready(s);
    if (s->client->loop) wrn_client_settle(s->client);
}

void wrenn_stream_close(wrenn_stream *s) {
    if (!s) return;
    const wrenn_event *event;
    int64_t until = wrn_in_ms(CLOSE_MS);
    if (!s->over && s->type->kill && wrenn_stream_kill(s, NULL) == 0 && !s->client->callbacks)
        while (wrenn_stream_next(s, wrn_left_ms(until), &event, NULL) > 0) {
        }
    wrenn_stream_free(s);
}

int64_t wrenn_stream_pid(const wrenn_stream *s) { return s ? s->pid : 0; }
const char *wrenn_stream_tag(const wrenn_stream *s) { return s && s->tag[0] ? s->tag : NULL; }
int64_t wrenn_stream_signal(const wrenn_stream *s) { return s ? s->signal : 0; }
int wrenn_stream_oom_killed(const wrenn_stream *s) { return s && s->oom_killed; }
int wrenn_stream_output_cut(const wrenn_stream *s) { return s && s->output_cut; }
int wrenn_stream_is_exact(const wrenn_stream *s) { return s && (s->selected || s->type->terminal || s->type->plain); }
