/* Signals by name. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* A number from 1 to 64, or a name: TERM, term or SIGTERM. */
bool wrn_signal_parse(const char *text, int *out);
/* "SIGTERM"; "34" for one without a name. */
const char *wrn_signal_name(int number, char out[16]);
/* "HUP, INT, ... or a number from 1 to 64". */
void wrn_signal_list(wrn_buf *out);
