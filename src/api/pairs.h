/* "NAME=value" texts, as callers give them, become the pairs of a request. */
#pragma once

#include "base/arena.h"
#include "base/model.h"
#include "wrenn/error.h"

enum { WRN_PAIRS_MAX = 4096 };

/* `texts`: NULL at the end, or NULL for none. `room`: places that *pairs has behind them, for the caller to fill. The pairs
 * point into `texts` and `arena`. WRENN_E_INVALID_ARGUMENT names `what` and the member, but never a text: it may be a
 * secret. */
int wrn_pairs_read(wrn_arena *arena, const char *what, const char *member, const char *const *texts, size_t room,
                   const wrn_pair ***pairs, size_t *count, wrenn_error **error);
