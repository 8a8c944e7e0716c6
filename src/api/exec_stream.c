#include "api/command.h"
#include "api/streams.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wrenn/exec.h"

enum { TIMEOUT_MS = 30000 };

static const wrn_op_type exec_stream_type = WRN_STREAM_OP_TYPE("exec_stream");

static const wrn_stream_type stream_type = {
    .opened = wrn_command_send_first,
    .message = wrn_command_message,
    .input = wrn_command_bytes_input,
    .close_input = "{\"type\":\"close_stdin\"}",
    .kill = "{\"type\":\"stop\"}",
    .protocol = WRN_BYTES_PROTOCOL,
};

static void write_first(wrn_buf *out, const wrn_command_words *words, const wrenn_exec_stream_options *options,
                        const char *cwd) {
    wrn_ws_exec_start start = {
        .present = WRN_HAS_WS_EXEC_START_TYPE | WRN_HAS_WS_EXEC_START_CMD | WRN_HAS_WS_EXEC_START_ARGS,
        .type = "start",
        .cmd = words->cmd,
        .args = words->args,
        .args_count = words->args_count,
        .envs = words->envs,
        .envs_count = words->envs_count,
        .cwd = cwd,
        .user = options->user,
        .input = 1,
    };
    if (words->envs_count) start.present |= WRN_HAS_WS_EXEC_START_ENVS;
    if (cwd) start.present |= WRN_HAS_WS_EXEC_START_CWD;
    if (options->user) start.present |= WRN_HAS_WS_EXEC_START_USER;
    if (options->flags & WRENN_EXEC_STDIN) start.present |= WRN_HAS_WS_EXEC_START_INPUT;
    WRN_AUTO(wrn_json_freep) wrn_json *json = wrn_model_encode(&wrn_model_ws_exec_start, &start);
    wrn_json_write(json, out);
    out->failed = out->failed || !json;
}

/* Both forms: which one the server obeys shows when it is connected. */
static int write_both(wrenn_stream *stream, wrn_arena *arena, const wrn_command_words *words,
                      const wrenn_exec_stream_options *options, wrenn_error **error) {
    wrn_command_words wrapped = *words;
    write_first(&stream->first, words, options, options->cwd);
    int rc = wrn_command_wrap(arena, "exec_stream", options->cwd, &wrapped, error);
    if (rc == 0) write_first(&stream->first_wrapped, &wrapped, options, NULL);
    return rc;
}

int wrenn_sandbox_exec_stream_start(wrenn_sandbox *sandbox, const wrenn_exec_stream_options *options,
                                    wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrenn_exec_stream_options known;
    wrn_command_words words;
    wrenn_stream *stream;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_exec_stream_options", error);
    if (rc == 0 && known.flags & ~WRENN_EXEC_STDIN)
        rc = wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "exec_stream: a flag is unknown");
    if (rc == 0) rc = wrn_command_read(&arena, "exec_stream", known.argv, known.shell, known.envs, &words, error);
    if (rc == 0)
        rc = wrn_stream_new(sandbox ? sandbox->client : NULL, sandbox, &exec_stream_type, &stream_type,
                            known.timeout_ms, TIMEOUT_MS, &stream, &made, error);
    if (rc != 0) return rc;
    known.user = wrn_sandbox_user(sandbox, known.user);
    rc = write_both(stream, &arena, &words, &known, error);
    if (rc != 0) {
        wrenn_op_free(made);
        return rc;
    }
    stream->wants_stdin = known.flags & WRENN_EXEC_STDIN;
    wrn_op_call_sandbox(made, "GET", sandbox->id, "/exec/stream", NULL, NULL);
    return wrn_stream_start(stream, made, done, user_data, op, error);
}

int wrenn_sandbox_exec_stream_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &exec_stream_type, stream, error);
}

int wrenn_sandbox_exec_stream(wrenn_sandbox *sandbox, const wrenn_exec_stream_options *options, wrenn_stream **stream,
                              wrenn_error **error) {
    WRN_BLOCKING(sandbox ? sandbox->client : NULL,
                 wrenn_sandbox_exec_stream_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_exec_stream_finish(op, stream, error));
}
