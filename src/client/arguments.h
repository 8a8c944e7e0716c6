/* Checks of what callers pass. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wrenn/client.h"

/* Copies an option struct of the caller's (maybe older, maybe newer) header into `out` of `known` bytes, zeroed where
 * theirs is shorter. NULL `in` gives zeros. WRENN_E_INVALID_ARGUMENT for struct_size 0 and for non-zero fields this
 * version does not know. `name` is the type's, for the message. */
int wrn_options_read(void *out, size_t known, const void *in, const char *name, wrenn_error **error);
/* `size` bytes of zeros, but for struct_size. */
void wrn_options_init(void *options, size_t size);
/* 0 when the options of a call of `what` are valid: header fields must be single lines, and not those that the library
 * sets. */
int wrn_check_call(const char *what, const wrenn_call_options *call, wrenn_error **error);
/* 0 when `text` can be one segment of a path: not empty, and not "." or "..", which clients and proxies resolve, so
 * that the call would reach another object. `what` is its name in the error. */
int wrn_check_segment(const char *what, const char *text, wrenn_error **error);
/* A number as a parameter of a query; NULL for 0, which leaves the parameter out. */
enum { WRN_NUMBER_SIZE = 24 };
const char *wrn_number(char out[WRN_NUMBER_SIZE], int64_t value);
/* In seconds, rounded up. */
int64_t wrn_whole_seconds(int64_t ms);
/* How many there are before the NULL; 0 for NULL. */
size_t wrn_count_texts(const char *const *texts);
