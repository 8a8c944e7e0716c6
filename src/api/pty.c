#include <string.h>

#include "api/command.h"
#include "api/operations.h"
#include "api/streams.h"
#include "base/text.h"
#include "client/terminal.h"
#include "gen/requests.h"

enum { COLS = 80, ROWS = 24 };

static bool pty_input(wrenn_stream *stream, const void *data, size_t size) {
    if (stream->selected) return wrn_command_bytes_input(stream, data, size);
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_buf_puts(&text, "{\"type\":\"input\",\"data\":\"");
    wrn_base64_encode(&text, data, size);
    wrn_buf_puts(&text, "\"}");
    return !text.failed && wrn_stream_send(stream, text.data);
}

#define PTY_STREAM                                                                                                    \
    .message = wrn_command_message, .input = pty_input, .kill = "{\"type\":\"kill\"}", .terminal = &wrn_pty_terminal, \
    .protocol = WRN_BYTES_PROTOCOL

static const wrn_stream_type started_pty = {.opened = wrn_command_send_first, PTY_STREAM};
/* Servers do not confirm a connection. */
static const wrn_stream_type connected_pty = {.opened = wrn_command_send_only, PTY_STREAM};

/* ---- start ---- */

const wrn_op_type wrn_sandbox_pty_type = {
    {"pty", "GET", "/sandboxes/{sandbox id}/pty", WRN_AUTH_ANY},
    .body = &wrn_model_ws_pty_start,
    .stream = &started_pty,
    WRN_STREAM_OP,
};

int wrn_sandbox_pty_prepare(wrenn_op *op, const wrenn_command *command, wrenn_error **error) {
    wrn_ws_pty_start start = {
        .type = "start",
        .cols = command->cols ? command->cols : COLS,
        .rows = command->rows ? command->rows : ROWS,
    };
    static const char *const shell[] = {"/bin/bash", NULL};
    wrenn_command known = *command;
    if (!known.argv && !known.shell) known.argv = shell;
    int rc = wrn_op_check(op, error, {"cols", known.cols, 0, UINT16_MAX}, {"rows", known.rows, 0, UINT16_MAX});
    if (rc == 0) rc = wrn_command_read(op, &known, WRN_COMMAND_SIZE, &start.command, error);
    if (rc != 0) return rc;
    wrenn_stream *stream = wrn_stream_of(op);
    stream->cols = start.cols;
    stream->rows = start.rows;
    return wrn_op_call_type(op, NULL, &start, error);
}

/* ---- connect ---- */

const wrn_op_type wrn_sandbox_pty_connect_type = {
    {"pty_connect", "GET", "/sandboxes/{sandbox id}/pty", WRN_AUTH_ANY},
    .body = &wrn_model_ws_pty_connect,
    .stream = &connected_pty,
    WRN_STREAM_OP,
};

int wrn_sandbox_pty_connect_prepare(wrenn_op *op, const char *tag, wrenn_error **error) {
    const wrn_ws_pty_connect message = {.type = "connect", .tag = tag};
    if (!tag || !*tag) return wrn_refuse(error, "pty_connect: the tag must not be empty");
    wrenn_stream *stream = wrn_stream_of(op);
    if (strlen(tag) >= sizeof(stream->tag)) return wrn_refuse(error, "pty_connect: the tag is too long: %.80s...", tag);
    memcpy(stream->tag, tag, strlen(tag) + 1);
    return wrn_op_call_type(op, NULL, &message, error);
}
