/* Checks of what callers pass. */
#ifndef WRN_CLIENT_ARGUMENTS_H
#define WRN_CLIENT_ARGUMENTS_H

#include <stddef.h>

#include "wrenn/error.h"

/* Copies an option struct of the caller's (maybe older, maybe newer) header into `out` of `known` bytes, zeroed where
 * theirs is shorter. NULL `in` gives zeros. WRENN_E_INVALID_ARGUMENT for struct_size 0 and for non-zero fields this
 * version does not know. `name` is the type's, for the message. */
int wrn_options_read(void *out, size_t known, const void *in, const char *name, wrenn_error **error);
/* 0 when `text` can be one segment of a path: not empty, and not "." or "..", which clients and proxies resolve, so that
 * the call would reach another object. `what` is its name in the error. */
int wrn_check_segment(const char *what, const char *text, wrenn_error **error);

#endif
