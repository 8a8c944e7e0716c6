/* What terminals need beyond other streams, with servers that do not speak wrenn.bytes.v1 above all: signs of life in both
 * directions, and input, sizes and kills that get there.
 *
 * Such servers drop what is over 64 frames of input without a word, and may lose a size or a kill that comes right behind
 * input. So input goes in few large frames, at a pace, and the others are said again. */
#ifndef WRN_CLIENT_TERMINAL_H
#define WRN_CLIENT_TERMINAL_H

#include "client/stream.h"

extern const wrn_terminal_hooks wrn_pty_terminal;

#endif
