/* "NAME=value" texts, as callers give them, become the pairs of a request. */
#pragma once

#include "client/op.h"

enum { WRN_PAIRS_MAX = 4096 };

/* `texts`: NULL at the end, or NULL for none. `default_pair`: added unless the texts set its name; NULL: none. Without any
 * pairs *pairs stays as it is, else they live as long as `op`. WRENN_E_INVALID_ARGUMENT names the operation and the
 * member, but never a text: it may be a secret. */
int wrn_pairs_read(wrenn_op *op, const char *member, const char *const *texts, const wrn_pair *default_pair,
                   const wrn_pair *const **pairs, size_t *count, wrenn_error **error);
