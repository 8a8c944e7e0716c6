/* The WebSockets: exec/stream, processes/{selector}/stream and logs, and pty. A session is one connection that watches one command.
 *
 *     AUTH (if the upgrade came without credentials) -> FIRST (expects start or connect) -> RUNNING -> gone
 *                                                                                                -> OVER (terminals) -> gone */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/http/budget.h"
#include "server/http/websocket.h"
#include "server/lane.h"
#include "server/routes/routes.h"
#include "server/sandbox/commands.h"
#include "wire/utf8.h"
#include "wire/ws.h"

#define BYTES_PROTOCOL "wrenn.bytes.v1"

/* Of terminals: how long the client has to close after the exit; the longest message with input. */
enum { CLOSE_MS = 1000, TYPED_MAX = 32 * 1024 * 1024 };
enum { AUTH_MS = 5000, PING_MS = 30000, COLS = 80, ROWS = 24, SIZE_LARGEST = 65535 };
enum { STREAM_STDIN = 0 };

typedef enum phase { PHASE_AUTH, PHASE_FIRST, PHASE_RUNNING, PHASE_OVER } phase;

/* A message. Large ones are parsed by a worker; those that come meanwhile wait in a list. */
typedef struct incoming {
    wrn_job job; /* first: a job is cast to its message */
    struct incoming *next;
    struct session *session;
    wrn_json *json;
    char *input; /* the decoded data of an "input" message */
    ssize_t input_size;
    bool binary;
    const char *data;
    size_t size;
    char copy[]; /* of the data, when it waits */
} incoming;

typedef struct session session;

/* The kinds of session. */
typedef struct session_kind {
    void (*open)(session *s); /* begins a session that has no first message; else NULL, and: */
    const char *first;        /* which first message is expected */
    void (*begin)(session *s, const wrn_sandbox_row *row, const wrn_json *message, wrn_arena *arena); /* on "start" */
    void (*control)(session *s, const char *type, const incoming *m); /* NULL: messages are ignored */
    void (*binary)(session *s, const char *data, size_t size);        /* NULL: the same */
    void (*started)(session *s, int64_t pid);
    void (*output)(session *s, int stream, const void *data, size_t size); /* as text */
    void (*ended)(session *s);                                             /* after the command's exit */
    void (*ping)(session *s);
    bool owns_command; /* the command ends with the connection */
    bool is_log;       /* of kept output */
    bool is_terminal;  /* clients can re-attach; errors say whether they are fatal; frames may be binary */
} session_kind;

struct session {
    wrn_viewer viewer; /* first: a viewer is cast to its session */
    wrn_server *server;
    wrn_websocket *ws; /* NULL once it is closed */
    const session_kind *kind;
    phase phase;
    bool bytes;     /* BYTES_PROTOCOL was negotiated */
    bool raw;       /* a terminal whose output goes out in binary frames */
    bool connected; /* a terminal that was running: its start is not reported */
    bool has_stdin;
    wrn_identity who;
    char sandbox_id[WRN_ID_SIZE];
    char selector[WRN_TAG_MAX + 1];
    wrn_log_request log; /* what to read of kept output */
    int64_t log_pid;     /* of whose output it is */
    bool log_begun;
    char tag[16];
    wrn_utf8_carry carry[2];
    wrn_buf input; /* not yet taken by the command, from `input_at` on */
    size_t input_at;
    bool input_ends; /* close stdin after `input` */
    bool in_band;    /* all errors are messages, as on the platform's capsules */
    incoming *waiting, **last_waiting;
    bool parsing;   /* a worker parses a message, which is no longer in the list */
    bool over;      /* to be freed when the worker is done */
    size_t held;    /* bytes of waiting messages and of the one that is parsed */
    size_t charged; /* to the budget, for `held` and `input` */
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

static void session_on_timer_closed(uv_handle_t *handle) {
    session *s = handle->data;
    s->over = true;
    if (!s->parsing) free_session(s);
}

/* The command of exec/stream ends with its connection; others go on. */
static void end_session(session *s, int code) {
    wrn_command *command = s->viewer.command;
    if (s->ws) wrn_websocket_close(WRN_TAKE(s->ws), code);
    wrn_command_detach(&s->viewer);
    if (command && s->kind->owns_command) wrn_proc_give_up(command->proc);
    uv_close((uv_handle_t *)&s->timer, session_on_timer_closed);
}

static void session_on_gone(void *context) {
    session *s = context;
    s->ws = NULL;
    end_session(s, 0);
}

/* ---- sending ---- */

static void send_json(session *s, wrn_json *message) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_write(message, &text);
    wrn_websocket_send(s->ws, false, text.data, text.size);
    wrn_json_free(message);
}

static wrn_json *new_message(const char *type) {
    wrn_json *message = wrn_json_new_object();
    wrn_json_set_string(message, "type", type);
    return message;
}

/* Reports an error and ends the session. `code` NONE: none is sent. */
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

static void streams_fail(session *s, bool fatal, const char *text) { fail_as(s, fatal, WRN_FAULT_NONE, text); }
static void fail_fault(session *s, bool fatal, const wrn_fault *fault) {
    fail_as(s, fatal, fault->code, fault->message);
}

static void send_bytes(session *s, int stream, const void *data, size_t size) {
    WRN_AUTO(wrn_buf_free) wrn_buf frame = WRN_BUF_INIT;
    wrn_buf_putc(&frame, (char)stream);
    wrn_buf_put(&frame, data, size);
    wrn_websocket_send(s->ws, true, frame.data, frame.size);
}

static void send_data(session *s, const char *type, const wrn_buf *text) {
    if (!text->size) return;
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

static void session_on_start(wrn_viewer *viewer, int64_t pid) {
    session *s = (session *)viewer;
    if (!s->connected) s->kind->started(s, pid);
}

static void session_on_output(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    session *s = (session *)viewer;
    if (s->bytes) send_bytes(s, stream, data, size);
    else if (s->raw) wrn_websocket_send(s->ws, true, data, size);
    else s->kind->output(s, stream, data, size);
    if (wrn_websocket_is_crowded(s->ws)) wrn_command_pause(viewer, true);
}

static void session_on_from(wrn_viewer *viewer, uint64_t offset, uint64_t dropped) {
    session *s = (session *)viewer;
    wrn_json *message = new_message("start");
    wrn_json_set_int(message, "offset", (int64_t)offset);
    wrn_json_set_int(message, "pid", s->log_pid);
    if (s->log_begun) wrn_json_free(message);
    else send_json(s, message);
    s->log_begun = true;
    if (!dropped) return;
    message = new_message("dropped");
    wrn_json_set_int(message, "bytes", (int64_t)dropped);
    wrn_json_set_int(message, "offset", (int64_t)offset);
    send_json(s, message);
}

static void send_tails(session *s) {
    for (int stream = 1; stream <= 2; stream++) {
        WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
        wrn_utf8_end(&s->carry[stream - 1], &text);
        send_data(s, name_of(stream), &text);
    }
}

static void session_on_timer(uv_timer_t *timer);
static void update_reading(session *s);

static void close_now(session *s) { end_session(s, WRN_WS_NORMAL); }

/* Lets the client close first: some take a close by the server for a broken connection. */
static void close_later(session *s) {
    s->phase = PHASE_OVER;
    wrn_buf_free(&s->input);
    s->input_at = 0;
    update_reading(s);
    uv_timer_start(&s->timer, session_on_timer, CLOSE_MS, 0);
}

static void session_on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    session *s = (session *)viewer;
    send_tails(s);
    if (result->end == WRN_PROC_FAILED) return fail_fault(s, true, result->fault);
    if (result->end == WRN_PROC_LOST)
        return streams_fail(s, false, "the sandbox ended while the command ran; its outcome is unknown");
    wrn_json *message = new_message(result->end == WRN_PROC_RUNS ? "end" : "exit");
    if (result->end != WRN_PROC_RUNS) wrn_exec_add_end(message, result);
    send_json(s, message);
    s->kind->ended(s);
}

/* ---- input ---- */

/* Charges the budget for what is held. False: it is spent. */
static bool charge_session(session *s) { return wrn_budget_charge(&s->charged, s->input.size + s->held); }

static void starve(session *s) { fail_with(s, true, WRN_FAULT_OVERLOADED, WRN_BUDGET_SPENT, WRN_WS_TRY_AGAIN); }

static void update_reading(session *s) {
    if (s->ws) wrn_websocket_read(s->ws, s->input.size - s->input_at <= WRN_HIGH_WATER && !s->waiting && !s->parsing);
}

static void feed_command(session *s) {
    wrn_command *command = s->viewer.command;
    if (!command) return;
    size_t left = s->input.size - s->input_at;
    if (left) s->input_at += wrn_proc_write(command->proc, s->input.data + s->input_at, left);
    if (s->input_at >= s->input.size / 2) { /* not each time: moving the rest takes quadratic time */
        wrn_buf_consume(&s->input, s->input_at);
        s->input_at = 0;
    }
    if (!s->input.size && s->input_ends) {
        s->input_ends = false;
        s->has_stdin = false;
        wrn_proc_close_stdin(command->proc);
    }
    update_reading(s);
}

static void session_on_room(wrn_viewer *viewer) {
    feed_command((session *)viewer);
    charge_session((session *)viewer); /* for less than before */
}

static void take_input(session *s, const void *data, size_t size) {
    if (!s->viewer.command || !s->has_stdin || s->input_ends) return;
    wrn_command_touch(s->viewer.command);
    wrn_buf_put(&s->input, data, size);
    feed_command(s);
    if (!charge_session(s)) starve(s);
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
    s->raw = true; /* the Python SDK from 0.3.0 on, which sends these, understands no other output */
    if (s->viewer.command) wrn_command_set_raw(s->viewer.command);
    take_input(s, data, size);
}

static uint16_t clamp_size(int64_t value) { return (uint16_t)(value > SIZE_LARGEST ? SIZE_LARGEST : value); }

static void resize(session *s, const wrn_json *message) {
    int64_t cols, rows;
    if (!wrn_json_int(wrn_json_get(message, "cols"), &cols) || !wrn_json_int(wrn_json_get(message, "rows"), &rows) ||
        cols <= 0 || rows <= 0 || !s->viewer.command)
        return;
    wrn_proc_resize(s->viewer.command->proc, clamp_size(cols), clamp_size(rows));
}

static void kill_command(const session *s) {
    if (s->viewer.command) wrn_proc_signal(s->viewer.command->proc, SIGKILL);
}

/* Unknown and malformed messages are ignored, as the protocol says. */
static void exec_control(session *s, const char *type, const incoming *m) {
    (void)m;
    if (strcmp(type, "stop") == 0) kill_command(s);
    if (strcmp(type, "close_stdin") != 0) return;
    s->input_ends = s->has_stdin;
    feed_command(s);
}

static void terminal_control(session *s, const char *type, const incoming *m) {
    if (strcmp(type, "kill") == 0) kill_command(s);
    if (strcmp(type, "resize") == 0) resize(s, m->json);
    if (strcmp(type, "input") != 0) return;
    s->raw = false; /* clients that send these do not understand binary frames */
    if (m->input_size > 0) take_input(s, m->input, (size_t)m->input_size);
}

/* ---- the first message ---- */

static void begin_command(session *s, const wrn_sandbox_row *row, const wrn_proc_spec *spec, wrn_command_kind how,
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
    begin_command(s, row, &spec, WRN_COMMAND_FOREGROUND, NULL);
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
    begin_command(s, row, &spec, WRN_COMMAND_BACKGROUND, s->tag);
}

static void attach(session *s, const wrn_sandbox_row *row, const char *selector, bool terminal) {
    wrn_fault fault;
    wrn_command *command = wrn_command_find(s->server->sandboxes, row, selector, &fault);
    if (command && terminal && !command->terminal) {
        command = NULL;
        wrn_fault_set(&fault, WRN_FAULT_NOT_FOUND, "no terminal here has the tag \"%.100s\"", selector);
    }
    if (!command) return fail_fault(s, false, &fault);
    s->phase = PHASE_RUNNING;
    s->connected = s->has_stdin = terminal;
    s->raw = s->raw || (terminal && command->raw);
    if (terminal) wrn_websocket_limit(s->ws, TYPED_MAX);
    wrn_command_attach(command, &s->viewer);
}

/* False: the session has ended. */
static bool find_sandbox(session *s, wrn_sandbox_row *row) {
    wrn_fault fault;
    if (wrn_find_sandbox(s->server, s->who.team_id, s->sandbox_id, row, &fault)) return true;
    fail_fault(s, true, &fault);
    return false;
}

static void take_first(session *s, const char *type, const wrn_json *message) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_sandbox_row row;
    if (!find_sandbox(s, &row)) return;
    const char *tag = wrn_json_text(message, "tag");
    if (strcmp(type, "start") == 0) s->kind->begin(s, &row, message, &arena);
    else if (s->kind->is_terminal && strcmp(type, "connect") == 0 && tag && *tag) attach(s, &row, tag, true);
    else streams_fail(s, true, s->kind->first);
}

static void begin_attached(session *s) {
    wrn_sandbox_row row;
    if (find_sandbox(s, &row)) attach(s, &row, s->selector, false);
}

static void begin_log(session *s) {
    wrn_sandbox_row row;
    wrn_fault fault;
    if (!find_sandbox(s, &row)) return;
    s->log.command = wrn_command_find_log(s->server->sandboxes, &row, s->selector, &s->log_pid, &fault);
    if (!s->log.command || !wrn_command_read_log(s->server->sandboxes, &row, &s->log, &s->viewer, &fault))
        return fail_fault(s, false, &fault);
    s->phase = PHASE_RUNNING;
}

static void expect_first(session *s);

static void take_auth(session *s, const char *type, const wrn_json *message) {
    const char *token = wrn_json_text(message, "token");
    if (strcmp(type, "auth") != 0 || !token || !wrn_auth_check_token(&s->server->auth, token, &s->who))
        return fail_as(s, true, WRN_FAULT_UNAUTHORIZED, "authentication failed");
    wrn_websocket_welcome(s->ws, s->sandbox_id);
    expect_first(s);
}

/* ---- messages in their order ---- */

/* The most JSON values in a message, but for the one that starts a command. */
enum { FEW_VALUES = 16 };

static const char *message_type(const incoming *m) {
    const char *type = wrn_json_text(m->json, "type");
    return type ? type : "";
}

static void parse_message(incoming *m) {
    const char *why;
    size_t values = m->session->phase == PHASE_FIRST ? WRN_JSON_VALUES_MAX : FEW_VALUES;
    if (m->binary || !wrn_json_parse_within(m->data, m->size, values, &m->json, &why)) return;
    if (strcmp(message_type(m), "input") == 0) m->input = decode_input(m->json, &m->input_size);
}

static void take_message(session *s, const incoming *m) {
    if (m->binary) {
        if (s->phase == PHASE_RUNNING) take_binary(s, m->data, m->size);
        return;
    }
    switch (s->phase) {
    case PHASE_AUTH: take_auth(s, message_type(m), m->json); break;
    case PHASE_FIRST: take_first(s, message_type(m), m->json); break;
    case PHASE_RUNNING:
        if (s->kind->control) s->kind->control(s, message_type(m), m);
        break;
    case PHASE_OVER: break;
    }
}

static void take_waiting(session *s);

static void run_parsing(wrn_job *job) { parse_message((incoming *)job); }

static void end_parsing(wrn_job *job) {
    incoming *m = (incoming *)job;
    session *s = m->session;
    s->parsing = false;
    bool over = s->over;
    if (s->ws) take_message(s, m);
    free_message(m);
    if (over) return free_session(s);
    charge_session(s);
    if (s->ws) take_waiting(s);
}

static bool is_large(const incoming *m) { return !m->binary && m->size > WRN_JSON_SMALL; }

/* Takes waiting messages until one is large or the session ends. */
static void take_waiting(session *s) {
    while (s->ws && s->waiting && !s->parsing) {
        incoming *m = s->waiting;
        s->waiting = m->next;
        if (is_large(m)) {
            s->parsing = true;
            wrn_lane_put(&s->server->loop, WRN_LANE_JSON, &m->job, run_parsing, end_parsing);
        } else {
            parse_message(m);
            take_message(s, m);
            free_message(m);
        }
    }
    update_reading(s);
}

static void session_on_message(void *context, bool binary, const char *data, size_t size) {
    session *s = context;
    incoming now = {.session = s, .binary = binary, .data = data, .size = size};
    if (!s->waiting && !s->parsing && !is_large(&now)) {
        parse_message(&now);
        take_message(s, &now);
        return clear_message(&now);
    }
    incoming *m = malloc(sizeof(*m) + size);
    *m = now;
    memcpy(m->copy, data, size);
    m->data = m->copy;
    if (!s->waiting) s->last_waiting = &s->waiting;
    *s->last_waiting = m;
    s->last_waiting = &m->next;
    s->held += size;
    if (!charge_session(s)) return starve(s);
    take_waiting(s);
}

/* ---- the connection ---- */

static void session_on_ws_room(void *context) { wrn_command_pause(&((session *)context)->viewer, false); }

static void ping_frame(session *s) { wrn_websocket_ping(s->ws); }
static void ping_message(session *s) { send_json(s, new_message("ping")); }

static void session_on_timer(uv_timer_t *timer) {
    session *s = timer->data;
    if (s->phase == PHASE_AUTH) return fail_as(s, true, WRN_FAULT_UNAUTHORIZED, "authentication failed");
    if (s->phase == PHASE_OVER) return end_session(s, WRN_WS_NORMAL);
    s->kind->ping(s);
}

/* Checks what an upgrade elsewhere checks before its answer. */
static bool is_usable(session *s) {
    wrn_sandbox_row row;
    wrn_fault fault;
    if (!find_sandbox(s, &row)) return false;
    if (wrn_sandbox_is_usable(&row, &fault)) return true;
    fail_fault(s, true, &fault);
    return false;
}

static void expect_first(session *s) {
    s->phase = PHASE_FIRST;
    if (s->in_band && !is_usable(s)) return;
    uv_timer_start(&s->timer, session_on_timer, PING_MS, PING_MS);
    if (s->kind->open) s->kind->open(s);
}

static bool has_selected(wrn_server *server, const wrn_sandbox_row *row, const session_kind *kind, const char *selector,
                         wrn_fault *fault) {
    if (kind->is_log) return wrn_command_find_log(server->sandboxes, row, selector, NULL, fault) != 0;
    return !kind->open || wrn_command_find(server->sandboxes, row, selector, fault);
}

/* False: it was answered. */
static bool read_log_request(wrn_request *request, wrn_log_request *out) {
    const char *const names[] = {"offset", "tail", "follow"}, *texts[WRN_COUNT(names)];
    int64_t numbers[WRN_COUNT(names)] = {0};
    for (size_t i = 0; i < WRN_COUNT(names); i++) {
        texts[i] = wrn_query_get(request->head.query, names[i], &request->arena);
        if (texts[i] && !wrn_parse_int(texts[i], 0, i == 2 ? 1 : INT64_MAX, &numbers[i]))
            return wrn_reply_invalid(request, "parameter \"%s\" must be %s", names[i],
                                     i == 2 ? "0 or 1" : "a number from 0 on"),
                   false;
    }
    if (texts[0] && texts[1]) return wrn_reply_invalid(request, "give \"offset\" or \"tail\", not both"), false;
    out->from = (uint64_t)(texts[1] ? numbers[1] : numbers[0]);
    out->flags = (texts[1] ? WRN_LOG_TAIL : 0u) | (numbers[2] ? WRN_LOG_FOLLOW : 0u);
    return true;
}

static void open_session(wrn_request *request) {
    static const wrn_websocket_events events = {session_on_message, session_on_ws_room, session_on_gone};
    const wrn_route *route = request->route;
    const session_kind *kind = route->of;
    wrn_server *server = wrn_server_of(request);
    const char *id = request->params[0], *selector = request->params[1];
    wrn_sandbox_row row;
    wrn_fault fault;
    bool late = !*request->who.team_id, in_band = wrn_request_is_of_capsules(request);
    if (!wrn_websocket_check(request)) return;
    wrn_log_request log = {0};
    if (!wrn_id_is(id, "cl")) return wrn_reply_invalid(request, "invalid sandbox ID");
    if (kind->is_log && !read_log_request(request, &log)) return;
    if (!late && !in_band &&
        (!wrn_find_sandbox(server, request->who.team_id, id, &row, &fault) || !wrn_sandbox_is_usable(&row, &fault) ||
         !has_selected(server, &row, kind, selector, &fault)))
        return wrn_reply_fault(request, &fault);
    session *s = calloc(1, sizeof(*s));
    s->viewer = (wrn_viewer){.start = session_on_start,
                             .output = session_on_output,
                             .end = session_on_end,
                             .room = session_on_room,
                             .from = session_on_from};
    s->log = log;
    s->server = server;
    s->kind = kind;
    s->in_band = in_band;
    s->who = request->who;
    s->bytes = wrn_websocket_offers(request, BYTES_PROTOCOL);
    s->raw = kind->is_terminal && server->config->terminal_frames == WRN_FRAMES_BINARY;
    snprintf(s->sandbox_id, sizeof(s->sandbox_id), "%s", id);
    if (kind->open) snprintf(s->selector, sizeof(s->selector), "%s", selector);
    uv_timer_init(&s->server->loop, &s->timer);
    s->timer.data = s;
    s->ws = wrn_websocket_accept(request, s->bytes ? BYTES_PROTOCOL : NULL, late, &events, s);
    if (!s->ws) return uv_close((uv_handle_t *)&s->timer, session_on_timer_closed);
    if (late) uv_timer_start(&s->timer, session_on_timer, AUTH_MS, 0);
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
static const session_kind log_kind = {.open = begin_log,
                                      .output = text_output,
                                      .ended = close_now,
                                      .ping = ping_frame,
                                      .owns_command = true,
                                      .is_log = true};
static const session_kind terminal_kind = {.first = "the first message must be \"start\", or \"connect\" with a tag",
                                           .begin = start_terminal,
                                           .control = terminal_control,
                                           .binary = terminal_binary,
                                           .started = terminal_started,
                                           .output = terminal_output,
                                           .ended = close_later,
                                           .ping = ping_message,
                                           .is_terminal = true};

const wrn_route wrn_stream_routes[] = {
    {"GET", "/v1/sandboxes/{id}/exec/stream", WRN_ACCESS_LATE, open_session, .of = &exec_kind},
    {"GET", "/v1/sandboxes/{id}/processes/{selector}/stream", WRN_ACCESS_LATE, open_session, .of = &process_kind},
    {"GET", "/v1/sandboxes/{id}/processes/{selector}/logs", WRN_ACCESS_LATE, open_session, .of = &log_kind},
    {"GET", "/v1/sandboxes/{id}/pty", WRN_ACCESS_LATE, open_session, .of = &terminal_kind},
    {0},
};
