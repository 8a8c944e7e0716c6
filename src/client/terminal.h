/* What terminals need beyond other streams, with servers that do not speak wrenn.bytes.v1 above all: signs of life in both
 * directions, and input, sizes and kills that get there.
 *
 * Such servers drop what is over 64 frames of input without a word, and may lose a size or a kill that comes right behind
 * input. So input goes in few large frames, at a pace, and the others are said again. */
#ifndef WRN_CLIENT_TERMINAL_H
#define WRN_CLIENT_TERMINAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "net/loop.h"
#include "wrenn/stream.h"

typedef struct wrn_terminal {
    wrenn_stream *stream;
    wrn_timer keepalive;
    wrn_timer silence; /* until it counts as dead */
    bool heard;        /* a message has come */
    wrn_timer repeat;  /* of a size or a kill */
    int resizes;       /* still to be said again */
    bool killed;
    wrn_buf held; /* input that waits for its turn */
    wrn_timer pace;
    int64_t paced_ms; /* when the frames sent so far would have gone one by one */
} wrn_terminal;

void wrn_terminal_init(wrn_terminal *terminal, wrenn_stream *stream);
/* The stream has begun. */
void wrn_terminal_begun(wrn_terminal *terminal);
/* A message has come. */
void wrn_terminal_heard(wrn_terminal *terminal);
/* As much input as there is room for; negative when out of memory. */
int64_t wrn_terminal_write(wrn_terminal *terminal, const char *data, size_t size);
/* stream->cols and rows have changed. False when out of memory. */
bool wrn_terminal_resized(wrn_terminal *terminal);
/* A kill has been sent. */
void wrn_terminal_killed(wrn_terminal *terminal);
/* Sends what is held, and stops. */
void wrn_terminal_end(wrn_terminal *terminal);

#endif
