#include "api/command.h"
#include "api/operations.h"
#include "api/streams.h"
#include "gen/requests.h"

static const wrn_stream_type exec_stream = {
    .opened = wrn_command_send_first,
    .message = wrn_command_message,
    .input = wrn_command_bytes_input,
    .close_input = "{\"type\":\"close_stdin\"}",
    .kill = "{\"type\":\"stop\"}",
    .protocol = WRN_BYTES_PROTOCOL,
};

const wrn_op_type wrn_sandbox_exec_stream_type = {
    {"exec_stream", "GET", "/sandboxes/{sandbox id}/exec/stream", WRN_AUTH_ANY},
    .body = &wrn_model_ws_exec_start,
    .stream = &exec_stream,
    WRN_STREAM_OP,
};

/* Writes the first message in both forms, because it is unknown until the connection is open which one the server obeys. */
int wrn_sandbox_exec_stream_prepare(wrenn_op *op, const wrenn_command *command, wrenn_error **error) {
    wrn_ws_exec_start start = {.type = "start", .input = command->want_stdin ? 1 : 0};
    int rc = wrn_command_read(op, command, WRN_COMMAND_STDIN, &start.command, error);
    if (rc == 0) rc = wrn_op_call_type(op, NULL, &start, error);
    if (rc == 0) rc = wrn_command_wrap(op, &start.command, error);
    if (rc != 0) return rc;
    wrenn_stream *stream = wrn_stream_of(op);
    stream->wants_stdin = command->want_stdin;
    wrn_model_write(&wrn_model_ws_exec_start, &start, &stream->first_wrapped);
    return stream->first_wrapped.failed ? wrn_no_memory(error, "exec_stream") : 0;
}
