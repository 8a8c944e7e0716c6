/* What exec_stream, attach and terminals share: messages of the service become events, and errors. */
#pragma once

#include "client/stream.h"

/* A message of a command's WebSocket: start, started, stdout, stderr, output, exit, error, ping. */
void wrn_command_message(wrenn_stream *stream, bool binary, const char *data, size_t size);
/* Input as one binary frame of wrenn.bytes.v1. */
bool wrn_command_bytes_input(wrenn_stream *stream, const void *data, size_t size);

/* Sends the body of the operation; the server's "start" says that the stream has begun. */
void wrn_command_send_first(wrenn_stream *stream);
/* The same for servers that confirm nothing: the stream has begun at once. */
void wrn_command_send_only(wrenn_stream *stream);
