/* What terminals need beyond other streams: keepalives in both directions, and, with servers that do not speak
 * wrenn.bytes.v1, input, sizes and kills that arrive.
 *
 * Such servers silently drop input beyond 64 frames, and may lose a size or a kill that directly follows input. So a
 * rate limiter sends input in few large frames, and sizes and kills are repeated. */
#pragma once

#include "client/stream.h"

extern const wrn_terminal_hooks wrn_pty_terminal;
