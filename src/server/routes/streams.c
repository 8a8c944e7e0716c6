/* The WebSockets: exec/stream, processes/{selector}/stream and pty. A session is one connection; it watches one command.
 *
 *     AUTH (no credentials came with the upgrade) -> FIRST (start or connect) -> RUNNING -> gone
 *                                                                                        -> OVER (of terminals) -> gone */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "gen/requests.h"
#include "server/http/budget.h"
#include "server/http/websocket.h"
#include "server/lane.h"
#include "server/routes/routes.h"
#include "server/sandbox/commands.h"
#include "wire/utf8.h"
#include "wire/ws.h"

#define BYTES_PROTOCOL "wrenn.bytes.v1"

/* Of a terminal: how long the client has to close after its exit; what may be typed, or pasted, in one message. */
enum { CLOSE_MS = 1000, TYPED_MAX = 32 * 1024 * 1024 };
enum { AUTH_MS = 5000, PING_MS = 30000, COLS = 80, ROWS = 24, SIZE_LARGEST = 65535 };
enum { STREAM_STDIN = 0 };

typedef enum phase { PHASE_AUTH, PHASE_FIRST, PHASE_RUNNING, PHASE_OVER } phase;

/* A message that waits for its turn, behind one that is so large that a worker looks at it. */
typedef struct incoming {
    wrn_job job; /* first, so that it leads here */
    struct incoming *next;
    struct session *session;
    wrn_json *json;
    char *input; /* decoded, of an "input" */
    ssize_t input_size;
    bool binary;
    const char *data;
    size_t size;
    char copy[]; /* of it */
} incoming;

typedef struct session session;

/* What one of the three kinds of session does. */
typedef struct session_kind {
    void (*open)(session *s); /* it begins so, without a first message; NULL: that has to be: */
    const char *first;
    void (*begin)(session *s, const wrn_sandbox_row *row, const wrn_json *message, wrn_arena *arena); /* "start" */
    void (*control)(session *s, const char *type, const incoming *m); /* NULL: ignored */
    void (*binary)(session *s, const char *data, size_t size);        /* the same */
    void (*started)(session *s, int64_t pid);
    void (*output)(session *s, int stream, const void *data, size_t size); /* as text */
    void (*ended)(session *s);                                             /* after the command's exit */
    void (*ping)(session *s);
    bool owns_command; /* which ends with the connection */
    bool is_terminal; /* one can connect to it again; its errors say whether they are fatal; its frames can be chosen */
} session_kind;

struct session {
    wrn_viewer viewer; /* first, so that it leads here */
    wrn_server *server;
    wrn_websocket *ws;
    const session_kind *kind;
    phase phase;
    bool bytes;     /* BYTES_PROTOCOL was agreed on */
    bool raw;       /* a terminal whose client wants output as it is, in binary frames */
    bool connected; /* a terminal that ran already: its start is not reported */
    bool has_stdin;
    wrn_identity who;
    char sandbox_id[WRN_ID_SIZE];
    char selector[WRN_TAG_MAX + 1];
    char tag[16];
    wrn_utf8_carry carry[2];
    wrn_buf input; /* what the command does not take yet, from here on: */
    size_t input_at;
    bool in_band; /* all errors are messages, as on the platform's capsules */
    bool input_ends;
    incoming *waiting, **last_waiting;
    bool at_work;   /* on a message that is no longer among those */
    bool over;      /* freed when that is done */
    size_t held;    /* in those messages, that one too */
    size_t charged; /* to the budget, for them and for `input` */
    uv_timer_t timer;
};

/* ---- the end ---- */

static void clear_message(incoming *m) {
    wrn_json_free(m->json);
    free(m->input);
}

static void free_message(incoming *m) {
    m->session->held -= m->size;
    clear_message(m);
    free(m);
}

static void free_session(session *s) {
    for (incoming *m; (m = s->waiting);) {
        s->waiting = m->next;
        free_message(m);
    }
    wrn_buf_free(&s->input);
    wrn_budget_give(s->charged);
    free(s);
}

static void on_timer_closed(uv_handle_t *handle) {
    session *s = handle->data;
    s->over = true;
    if (!s->at_work) free_session(s);
}

/* The command of exec/stream ends with its connection; others go on, and what it left behind when it had ended. */
static void end_session(session *s, int code) {
    wrn_command *command = s->viewer.command;
    if (s->ws) wrn_websocket_close(WRN_TAKE(s->ws), code);
    wrn_command_detach(&s->viewer);
    if (command && s->kind->owns_command) wrn_command_give_up(command);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

static void on_gone(void *context) {
    session *s = context;
    s->ws = NULL;
    end_session(s, 0);
}

/* ---- sending ---- */

static void send_json(session *s, wrn_json *message) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_write(message, &text);
    if (message && !text.failed) wrn_websocket_send(s->ws, false, text.data, text.size);
    wrn_json_free(message);
}

static wrn_json *new_message(const char *type) {
    wrn_json *message = wrn_json_new_object();
    wrn_json_set_string(message, "type", type);
    return message;
}

/* `code`: what an answer would have said, if anything. */
static void fail_with(session *s, bool fatal, wrn_fault_code code, const char *text, int close_code) {
    wrn_json *message = new_message("error");
    wrn_json_set_string(message, "data", text);
    if (code) wrn_json_set_string(message, "code", wrn_fault_name(code));
    if (fatal && s->kind->is_terminal) wrn_json_set_bool(message, "fatal", true);
    send_json(s, message);
    end_session(s, close_code);
}

static void fail_as(session *s, bool fatal, wrn_fault_code code, const char *text) {
    fail_with(s, fatal, code, text, WRN_WS_NORMAL);
}

static void fail(session *s, bool fatal, const char *text) { fail_as(s, fatal, WRN_FAULT_NONE, text); }
static void fail_fault(session *s, bool fatal, const wrn_fault *fault) {
    fail_as(s, fatal, fault->code, fault->message);
}

static void send_bytes(session *s, int stream, const void *data, size_t size) {
    WRN_AUTO(wrn_buf_free) wrn_buf frame = WRN_BUF_INIT;
    wrn_buf_putc(&frame, (char)stream);
    wrn_buf_put(&frame, data, size);
    if (!frame.failed) wrn_websocket_send(s->ws, true, frame.data, frame.size);
}

static void send_data(session *s, const char *type, const wrn_buf *text) {
    if (!text->size || text->failed) return;
    wrn_json *message = new_message(type);
    wrn_json_set(message, "data", wrn_json_new_string(text->data, text->size));
    send_json(s, message);
}

static void terminal_output(session *s, int stream, const void *data, size_t size) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    (void)stream;
    wrn_base64_encode(&text, data, size);
    send_data(s, "output", &text);
}

static const char *name_of(int stream) { return stream == 2 ? "stderr" : "stdout"; }

static void text_output(session *s, int stream, const void *data, size_t size) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_utf8_append(&s->carry[stream - 1], &text, data, size);
    send_data(s, name_of(stream), &text);
}

static void exec_started(session *s, int64_t pid) {
    wrn_json *message = new_message("start");
    wrn_json_set_int(message, "pid", pid);
    send_json(s, message);
}

static void terminal_started(session *s, int64_t pid) {
    wrn_json *message = new_message("started");
    wrn_json_set_string(message, "tag", s->tag);
    wrn_json_set_int(message, "pid", pid);
    send_json(s, message);
}

/* ---- what the command does ---- */

static void on_start(wrn_viewer *viewer, int64_t pid) {
    session *s = (session *)viewer;
    if (!s->connected) s->kind->started(s, pid);
}

static void on_output(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    session *s = (session *)viewer;
    if (s->bytes) send_bytes(s, stream, data, size);
    else if (s->raw) wrn_websocket_send(s->ws, true, data, size);
    else s->kind->output(s, stream, data, size);
    if (wrn_websocket_is_crowded(s->ws)) wrn_command_pause(viewer, true);
}

static void send_tails(session *s) {
    for (int stream = 1; stream <= 2; stream++) {
        WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
        wrn_utf8_end(&s->carry[stream - 1], &text);
        send_data(s, name_of(stream), &text);
    }
}

static void on_timer(uv_timer_t *timer);
static void update_reading(session *s);

static void close_now(session *s) { end_session(s, WRN_WS_NORMAL); }

/* The client is to close first; some take our close for a connection that broke. */
static void close_later(session *s) {
    s->phase = PHASE_OVER;
    wrn_buf_free(&s->input);
    s->input_at = 0;
    update_reading(s);
    uv_timer_start(&s->timer, on_timer, CLOSE_MS, 0);
}

static void on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    session *s = (session *)viewer;
    send_tails(s);
    if (result->end == WRN_PROC_FAILED) return fail_fault(s, true, result->fault);
    if (result->end == WRN_PROC_LOST)
        return fail(s, false, "the sandbox ended while the command ran; its outcome is unknown");
    wrn_json *message = new_message("exit");
    wrn_exec_add_end(message, result);
    send_json(s, message);
    s->kind->ended(s);
}

/* ---- input ---- */

/* What a command does not take, or what waits for its turn, is held for the client; false: that is more than there may be. */
static bool charge(session *s) {
    size_t now = s->input.size + s->held;
    if (now <= WRN_BUDGET_FREE) now = 0;
    if (now > s->charged && !wrn_budget_take(now - s->charged)) return false;
    if (now < s->charged) wrn_budget_give(s->charged - now);
    s->charged = now;
    return true;
}

static void starve(session *s) { fail_with(s, true, WRN_FAULT_OVERLOADED, WRN_BUDGET_SPENT, WRN_WS_TRY_AGAIN); }

static void update_reading(session *s) {
    if (s->ws) wrn_websocket_read(s->ws, s->input.size - s->input_at <= WRN_HIGH_WATER && !s->waiting && !s->at_work);
}

static void feed(session *s) {
    wrn_command *command = s->viewer.command;
    if (!command) return;
    size_t left = s->input.size - s->input_at;
    if (left) s->input_at += wrn_command_write(command, s->input.data + s->input_at, left);
    if (s->input_at >= s->input.size / 2) { /* not each time, for that would cost the square of it */
        wrn_buf_consume(&s->input, s->input_at);
        s->input_at = 0;
    }
    if (!s->input.size && s->input_ends) {
        s->input_ends = false;
        s->has_stdin = false;
        wrn_command_close_stdin(command);
    }
    update_reading(s);
}

static void on_command_room(wrn_viewer *viewer) {
    feed((session *)viewer);
    charge((session *)viewer); /* for less than before */
}

static void take_input(session *s, const void *data, size_t size) {
    if (!s->viewer.command || !s->has_stdin || s->input_ends) return;
    wrn_command_touch(s->viewer.command);
    wrn_buf_put(&s->input, data, size);
    feed(s);
    if (!charge(s)) starve(s);
}

static char *decode_input(const wrn_json *message, ssize_t *size) {
    size_t text_size;
    const char *text = wrn_json_string(wrn_json_get(message, "data"), &text_size);
    char *bytes = text ? malloc(wrn_base64_decoded_max(text_size) + 1) : NULL;
    *size = bytes ? wrn_base64_decode(bytes, text, text_size) : -1;
    return bytes;
}

static void take_binary(session *s, const char *data, size_t size) {
    if (!s->bytes && s->kind->binary) s->kind->binary(s, data, size);
    else if (s->bytes && size && *data == STREAM_STDIN) take_input(s, data + 1, size - 1);
}

static void terminal_binary(session *s, const char *data, size_t size) {
    s->raw = true; /* who sends like this since 0.3.0 of the Python SDK understands nothing else */
    if (s->viewer.command) wrn_command_set_raw(s->viewer.command);
    take_input(s, data, size);
}

static uint16_t clamp_size(int64_t value) { return (uint16_t)(value > SIZE_LARGEST ? SIZE_LARGEST : value); }

static void resize(session *s, const wrn_json *message) {
    int64_t cols, rows;
    if (!wrn_json_int(wrn_json_get(message, "cols"), &cols) || !wrn_json_int(wrn_json_get(message, "rows"), &rows) ||
        cols <= 0 || rows <= 0 || !s->viewer.command)
        return;
    wrn_command_resize(s->viewer.command, clamp_size(cols), clamp_size(rows));
}

static void kill_command(const session *s) {
    if (s->viewer.command) wrn_command_signal(s->viewer.command, SIGKILL);
}

/* In both, whatever makes no sense is ignored, as the protocol says. */
static void exec_control(session *s, const char *type, const incoming *m) {
    (void)m;
    if (strcmp(type, "stop") == 0) kill_command(s);
    if (strcmp(type, "close_stdin") != 0) return;
    s->input_ends = s->has_stdin;
    feed(s);
}

static void terminal_control(session *s, const char *type, const incoming *m) {
    if (strcmp(type, "kill") == 0) kill_command(s);
    if (strcmp(type, "resize") == 0) resize(s, m->json);
    if (strcmp(type, "input") != 0) return;
    s->raw = false; /* nor does who sends like this understand binary frames */
    if (m->input_size > 0) take_input(s, m->input, (size_t)m->input_size);
}

/* ---- the first message ---- */

static void begin(session *s, const wrn_sandbox_row *row, const wrn_proc_spec *spec, wrn_command_kind how,
                  const char *tag) {
    wrn_fault fault;
    s->has_stdin = spec->want_stdin || spec->cols;
    if (spec->cols) wrn_websocket_limit(s->ws, TYPED_MAX);
    s->phase = PHASE_RUNNING;
    if (!wrn_command_start(s->server->sandboxes, row, spec, how, tag, &s->viewer, &fault)) fail_fault(s, true, &fault);
}

static void start_exec(session *s, const wrn_sandbox_row *row, const wrn_json *message, wrn_arena *arena) {
    wrn_ws_exec_start asked = {0};
    wrn_model_why why;
    wrn_fault fault;
    if (!wrn_model_decode(&wrn_model_ws_exec_start, message, true, arena, &asked, &why))
        return fail_as(s, true, WRN_FAULT_INVALID_REQUEST, why.text);
    wrn_proc_spec spec = {.want_stdin = asked.input && s->bytes};
    if (!wrn_exec_read_command(arena, &asked.command, &spec, &fault)) return fail_fault(s, true, &fault);
    begin(s, row, &spec, WRN_COMMAND_FOREGROUND, NULL);
}

static void start_terminal(session *s, const wrn_sandbox_row *row, const wrn_json *message, wrn_arena *arena) {
    wrn_ws_pty_start asked = {0};
    wrn_model_why why;
    wrn_fault fault;
    if (!wrn_model_decode(&wrn_model_ws_pty_start, message, true, arena, &asked, &why))
        return fail_as(s, true, WRN_FAULT_INVALID_REQUEST, why.text);
    if (!asked.command.cmd || !*asked.command.cmd) asked.command.cmd = "/bin/bash";
    wrn_proc_spec spec = {.cols = asked.cols > 0 ? clamp_size(asked.cols) : COLS,
                          .rows = asked.rows > 0 ? clamp_size(asked.rows) : ROWS};
    if (!wrn_exec_read_command(arena, &asked.command, &spec, &fault)) return fail_fault(s, true, &fault);
    wrn_tag_new(s->tag, "pty");
    begin(s, row, &spec, WRN_COMMAND_BACKGROUND, s->tag);
}

static void attach(session *s, const wrn_sandbox_row *row, const char *selector, bool terminal) {
    wrn_fault fault;
    wrn_command *command = wrn_command_find(s->server->sandboxes, row, selector, &fault);
    if (command && terminal && !wrn_command_is_terminal(command)) {
        command = NULL;
        wrn_fault_set(&fault, WRN_FAULT_NOT_FOUND, "no terminal here has the tag \"%.100s\"", selector);
    }
    if (!command) return fail_fault(s, false, &fault);
    s->phase = PHASE_RUNNING;
    s->connected = s->has_stdin = terminal;
    s->raw = s->raw || (terminal && wrn_command_is_raw(command));
    if (terminal) wrn_websocket_limit(s->ws, TYPED_MAX);
    wrn_command_attach(command, &s->viewer);
}

static void take_first(session *s, const char *type, const wrn_json *message) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_sandbox_row row;
    wrn_db found = wrn_store_get_sandbox(s->server->store, s->who.team_id, s->sandbox_id, &row);
    if (found != WRN_DB_OK)
        return found == WRN_DB_ERROR ? fail_as(s, true, WRN_FAULT_DB_ERROR, "the sandbox could not be read")
                                     : fail_as(s, true, WRN_FAULT_NOT_FOUND, "sandbox not found");
    const char *tag = wrn_json_string(wrn_json_get(message, "tag"), NULL);
    if (strcmp(type, "start") == 0) s->kind->begin(s, &row, message, &arena);
    else if (s->kind->is_terminal && strcmp(type, "connect") == 0 && tag && *tag) attach(s, &row, tag, true);
    else fail(s, true, s->kind->first);
}

/* Nothing is sent first to watch a process. */
static void begin_attached(session *s) {
    wrn_sandbox_row row;
    if (wrn_store_get_sandbox(s->server->store, s->who.team_id, s->sandbox_id, &row) != WRN_DB_OK)
        return fail_as(s, true, WRN_FAULT_NOT_FOUND, "sandbox not found");
    attach(s, &row, s->selector, false);
}

static void expect_first(session *s);

static void take_auth(session *s, const char *type, const wrn_json *message) {
    const char *token = wrn_json_string(wrn_json_get(message, "token"), NULL);
    if (strcmp(type, "auth") != 0 || !token || !wrn_auth_check_token(&s->server->auth, token, &s->who))
        return fail_as(s, true, WRN_FAULT_UNAUTHORIZED, "authentication failed");
    wrn_websocket_welcome(s->ws, s->sandbox_id);
    expect_first(s);
}

/* ---- messages in their order ---- */

/* Of control messages, and of credentials; what starts a command may list its arguments. */
enum { FEW_VALUES = 16 };

static const char *type_of(const incoming *m) {
    const char *type = wrn_json_string(wrn_json_get(m->json, "type"), NULL);
    return type ? type : "";
}

static void parse_message(incoming *m) {
    const char *why;
    size_t values = m->session->phase == PHASE_FIRST ? WRN_JSON_VALUES_MAX : FEW_VALUES;
    if (m->binary || !wrn_json_parse_within(m->data, m->size, values, &m->json, &why)) return;
    if (strcmp(type_of(m), "input") == 0) m->input = decode_input(m->json, &m->input_size);
}

static void take_message(session *s, const incoming *m) {
    if (m->binary) {
        if (s->phase == PHASE_RUNNING) take_binary(s, m->data, m->size);
        return;
    }
    switch (s->phase) {
    case PHASE_AUTH: take_auth(s, type_of(m), m->json); break;
    case PHASE_FIRST: take_first(s, type_of(m), m->json); break;
    case PHASE_RUNNING:
        if (s->kind->control) s->kind->control(s, type_of(m), m);
        break;
    case PHASE_OVER: break;
    }
}

static void take_waiting(session *s);

static void run_parsing(wrn_job *job) { parse_message((incoming *)job); }

static void end_parsing(wrn_job *job) {
    incoming *m = (incoming *)job;
    session *s = m->session;
    s->at_work = false;
    bool over = s->over;
    if (s->ws) take_message(s, m);
    free_message(m);
    if (over) return free_session(s);
    charge(s);
    if (s->ws) take_waiting(s);
}

static bool is_large(const incoming *m) { return !m->binary && m->size > WRN_JSON_SMALL; }

/* Until one is large, the end is reached, or the session is over. */
static void take_waiting(session *s) {
    while (s->ws && s->waiting && !s->at_work) {
        incoming *m = s->waiting;
        s->waiting = m->next;
        if (is_large(m)) {
            s->at_work = true;
            m->job.run = run_parsing;
            m->job.done = end_parsing;
            wrn_lane_put(&s->server->loop, WRN_LANE_JSON, &m->job);
        } else {
            parse_message(m);
            take_message(s, m);
            free_message(m);
        }
    }
    update_reading(s);
}

static void on_message(void *context, bool binary, const char *data, size_t size) {
    session *s = context;
    incoming now = {.session = s, .binary = binary, .data = data, .size = size};
    if (!s->waiting && !s->at_work && !is_large(&now)) {
        parse_message(&now);
        take_message(s, &now);
        return clear_message(&now);
    }
    incoming *m = malloc(sizeof(*m) + size);
    if (!m) abort();
    *m = now;
    memcpy(m->copy, data, size);
    m->data = m->copy;
    if (!s->waiting) s->last_waiting = &s->waiting;
    *s->last_waiting = m;
    s->last_waiting = &m->next;
    s->held += size;
    if (!charge(s)) return starve(s);
    take_waiting(s);
}

/* ---- the connection ---- */

static void on_ws_room(void *context) { wrn_command_pause(&((session *)context)->viewer, false); }

static void ping_frame(session *s) { wrn_websocket_ping(s->ws); }
static void ping_message(session *s) { send_json(s, new_message("ping")); }

static void on_timer(uv_timer_t *timer) {
    session *s = timer->data;
    if (s->phase == PHASE_AUTH) return fail_as(s, true, WRN_FAULT_UNAUTHORIZED, "authentication failed");
    if (s->phase == PHASE_OVER) return end_session(s, WRN_WS_NORMAL);
    s->kind->ping(s);
}

/* What is answered with a status elsewhere. */
static bool is_usable(session *s) {
    wrn_sandbox_row row;
    wrn_fault fault;
    wrn_db found = wrn_store_get_sandbox(s->server->store, s->who.team_id, s->sandbox_id, &row);
    if (found == WRN_DB_ERROR) fail_as(s, true, WRN_FAULT_DB_ERROR, "the sandbox could not be read");
    else if (found != WRN_DB_OK) fail_as(s, true, WRN_FAULT_NOT_FOUND, "sandbox not found");
    else if (!wrn_sandbox_is_usable(&row, &fault)) fail_fault(s, true, &fault);
    else return true;
    return false;
}

static void expect_first(session *s) {
    s->phase = PHASE_FIRST;
    if (s->in_band && !is_usable(s)) return;
    uv_timer_start(&s->timer, on_timer, PING_MS, PING_MS);
    if (s->kind->open) s->kind->open(s);
}

static void open_session(wrn_request *request, const session_kind *kind) {
    static const wrn_websocket_events events = {on_message, on_ws_room, on_gone};
    wrn_sandbox_row row;
    wrn_fault fault;
    bool late = !*request->who.team_id, in_band = wrn_request_is_of_capsules(request);
    if (!wrn_websocket_check(request)) return;
    if ((late || in_band) && !wrn_id_is(request->params[0], "cl"))
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "invalid sandbox ID");
    bool known = !late && !in_band;
    if (known && !wrn_request_sandbox(request, &row)) return;
    if (known && !wrn_sandbox_is_usable(&row, &fault)) return wrn_reply_fault(request, &fault);
    if (known && kind->open &&
        !wrn_command_find(wrn_request_server(request)->sandboxes, &row, request->params[1], &fault))
        return wrn_reply_fault(request, &fault);
    session *s = calloc(1, sizeof(*s));
    if (!s) return wrn_reply_error(request, WRN_FAULT_INTERNAL_ERROR, "out of memory");
    s->viewer = (wrn_viewer){on_start, on_output, on_end, on_command_room};
    s->server = wrn_request_server(request);
    s->kind = kind;
    s->in_band = in_band;
    s->who = request->who;
    s->bytes = wrn_websocket_offers(request, BYTES_PROTOCOL);
    const char *frames = s->server->config->terminal_frames;
    s->raw = kind->is_terminal && frames && strcmp(frames, "binary") == 0;
    snprintf(s->sandbox_id, sizeof(s->sandbox_id), "%s", request->params[0]);
    if (kind->open) snprintf(s->selector, sizeof(s->selector), "%s", request->params[1]);
    uv_timer_init(&s->server->loop, &s->timer);
    s->timer.data = s;
    s->ws = wrn_websocket_accept(request, s->bytes ? BYTES_PROTOCOL : NULL, late, &events, s);
    if (!s->ws) return uv_close((uv_handle_t *)&s->timer, on_timer_closed);
    if (late) uv_timer_start(&s->timer, on_timer, AUTH_MS, 0);
    else expect_first(s);
}

static const session_kind exec_kind = {.first = "the first message must be \"start\" with a cmd",
                                       .begin = start_exec,
                                       .control = exec_control,
                                       .started = exec_started,
                                       .output = text_output,
                                       .ended = close_now,
                                       .ping = ping_frame,
                                       .owns_command = true};
static const session_kind process_kind = {.open = begin_attached,
                                          .started = exec_started,
                                          .output = text_output,
                                          .ended = close_now,
                                          .ping = ping_frame};
static const session_kind terminal_kind = {.first = "the first message must be \"start\", or \"connect\" with a tag",
                                           .begin = start_terminal,
                                           .control = terminal_control,
                                           .binary = terminal_binary,
                                           .started = terminal_started,
                                           .output = terminal_output,
                                           .ended = close_later,
                                           .ping = ping_message,
                                           .is_terminal = true};

void wrn_route_exec_stream(wrn_request *request) { open_session(request, &exec_kind); }
void wrn_route_process_stream(wrn_request *request) { open_session(request, &process_kind); }
void wrn_route_pty(wrn_request *request) { open_session(request, &terminal_kind); }
