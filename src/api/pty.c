#include "wrenn/pty.h"

#include <string.h>

#include "api/command.h"
#include "api/streams.h"
#include "base/text.h"
#include "client/sandbox.h"
#include "gen/requests.h"

enum { TIMEOUT_MS = 30000, COLS = 80, ROWS = 24, SIZE_MAX_ = UINT16_MAX };

static const wrn_op_type pty_type = WRN_STREAM_OP_TYPE("pty");
static const wrn_op_type connect_type = WRN_STREAM_OP_TYPE("pty_connect");

static bool input(wrenn_stream *stream, const void *data, size_t size) {
    if (stream->selected) return wrn_command_bytes_input(stream, data, size);
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_buf_puts(&text, "{\"type\":\"input\",\"data\":\"");
    wrn_base64_encode(&text, data, size);
    wrn_buf_puts(&text, "\"}");
    return !text.failed && wrn_stream_send(stream, text.data);
}

static const wrn_stream_type new_type = {
    .opened = wrn_command_send_first,
    .message = wrn_command_message,
    .input = input,
    .kill = "{\"type\":\"kill\"}",
    .terminal = true,
    .protocol = WRN_BYTES_PROTOCOL,
};
static const wrn_stream_type old_type = {
    .opened = wrn_command_send_only, /* servers do not confirm a connection */
    .message = wrn_command_message,
    .input = input,
    .kill = "{\"type\":\"kill\"}",
    .terminal = true,
    .protocol = WRN_BYTES_PROTOCOL,
};

/* ---- start ---- */

static int read_options(wrn_arena *arena, const wrenn_pty_options *options, wrn_command_words *words,
                        wrenn_error **error) {
    static const char *const shell[] = {"/bin/bash", NULL};
    if (options->cols < 0 || options->rows < 0 || options->cols > SIZE_MAX_ || options->rows > SIZE_MAX_)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "pty: cols and rows must be from 0 to %d", SIZE_MAX_);
    int rc = wrn_command_read(arena, "pty", options->argv ? options->argv : shell, NULL, options->envs, words, error);
    if (rc < 0) return rc;
    for (size_t i = 0; i < words->envs_count; i++)
        if (strcmp(words->envs[i].key, "TERM") == 0) return 0;
    wrn_pair *envs = wrn_arena_alloc(arena, (words->envs_count + 1) * sizeof(*envs));
    if (!envs) return wrn_fail(error, WRENN_E_NO_MEMORY, "pty: out of memory");
    if (words->envs_count) memcpy(envs, words->envs, words->envs_count * sizeof(*envs));
    envs[words->envs_count++] = (wrn_pair){"TERM", "xterm-256color"};
    words->envs = envs;
    return 0;
}

static void write_first(wrenn_stream *stream, const wrn_command_words *words, const wrenn_pty_options *options) {
    wrn_ws_pty_start start = {
        .present = WRN_HAS_WS_PTY_START_TYPE | WRN_HAS_WS_PTY_START_CMD | WRN_HAS_WS_PTY_START_ARGS |
                   WRN_HAS_WS_PTY_START_COLS | WRN_HAS_WS_PTY_START_ROWS | WRN_HAS_WS_PTY_START_ENVS,
        .type = "start",
        .cmd = words->cmd,
        .args = words->args,
        .args_count = words->args_count,
        .cols = stream->cols,
        .rows = stream->rows,
        .envs = words->envs,
        .envs_count = words->envs_count,
        .cwd = options->cwd,
        .user = options->user,
    };
    if (options->user) start.present |= WRN_HAS_WS_PTY_START_USER;
    if (options->cwd) start.present |= WRN_HAS_WS_PTY_START_CWD;
    WRN_AUTO(wrn_json_freep) wrn_json *json = wrn_model_encode(&wrn_model_ws_pty_start, &start);
    wrn_json_write(json, &stream->first);
    stream->first.failed = stream->first.failed || !json;
}

int wrenn_sandbox_pty_start(wrenn_sandbox *sandbox, const wrenn_pty_options *options, wrenn_done_fn done,
                            void *user_data, wrenn_op **op, wrenn_error **error) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrenn_pty_options known;
    wrn_command_words words;
    wrenn_stream *stream;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_pty_options", error);
    if (rc == 0) rc = read_options(&arena, &known, &words, error);
    if (rc == 0)
        rc = wrn_stream_new(sandbox ? sandbox->client : NULL, sandbox, &pty_type, &new_type, known.timeout_ms,
                            TIMEOUT_MS, &stream, &made, error);
    if (rc != 0) return rc;
    stream->cols = known.cols ? known.cols : COLS;
    stream->rows = known.rows ? known.rows : ROWS;
    known.user = wrn_sandbox_user(sandbox, known.user);
    write_first(stream, &words, &known);
    wrn_op_call_sandbox(made, "GET", sandbox->id, "/pty", NULL, NULL);
    return wrn_stream_start(stream, made, done, user_data, op, error);
}

int wrenn_sandbox_pty_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &pty_type, stream, error);
}

int wrenn_sandbox_pty(wrenn_sandbox *sandbox, const wrenn_pty_options *options, wrenn_stream **stream,
                      wrenn_error **error) {
    WRN_BLOCKING(sandbox ? sandbox->client : NULL, wrenn_sandbox_pty_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_pty_finish(op, stream, error));
}

/* ---- connect ---- */

int wrenn_sandbox_pty_connect_start(wrenn_sandbox *sandbox, const char *tag, wrenn_done_fn done, void *user_data,
                                    wrenn_op **op, wrenn_error **error) {
    wrenn_stream *stream;
    wrenn_op *made;
    if (!tag || !*tag) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "pty_connect: the tag must not be empty");
    if (strlen(tag) >= sizeof(stream->tag))
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "pty_connect: the tag is too long: %.80s...", tag);
    int rc = wrn_stream_new(sandbox ? sandbox->client : NULL, sandbox, &connect_type, &old_type, 0, TIMEOUT_MS, &stream,
                            &made, error);
    if (rc != 0) return rc;
    memcpy(stream->tag, tag, strlen(tag) + 1);
    const wrn_ws_pty_connect message = {
        .present = WRN_HAS_WS_PTY_CONNECT_TYPE | WRN_HAS_WS_PTY_CONNECT_TAG, .type = "connect", .tag = tag};
    WRN_AUTO(wrn_json_freep) wrn_json *json = wrn_model_encode(&wrn_model_ws_pty_connect, &message);
    wrn_json_write(json, &stream->first);
    stream->first.failed = stream->first.failed || !json;
    wrn_op_call_sandbox(made, "GET", sandbox->id, "/pty", NULL, NULL);
    return wrn_stream_start(stream, made, done, user_data, op, error);
}

int wrenn_sandbox_pty_connect_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &connect_type, stream, error);
}

int wrenn_sandbox_pty_connect(wrenn_sandbox *sandbox, const char *tag, wrenn_stream **stream, wrenn_error **error) {
    WRN_BLOCKING(sandbox ? sandbox->client : NULL,
                 wrenn_sandbox_pty_connect_start(sandbox, tag, NULL, NULL, &op, error),
                 wrenn_sandbox_pty_connect_finish(op, stream, error));
}
