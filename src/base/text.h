/* Small text codecs: base64 (RFC 4648), UTF-8 validity (RFC 3629), hex, RFC 3339 times. */
#pragma once

#include <sys/types.h>

#include "base/buf.h"

/* Appends `size` bytes as padded standard base64. */
void wrn_base64_encode(wrn_buf *out, const void *data, size_t size);
/* Upper bound of the decoded size of `size` characters. */
size_t wrn_base64_decoded_max(size_t size);
/* Decodes padded standard base64 strictly into `out`; the decoded size, or -1 when the text is not base64. */
ssize_t wrn_base64_decode(void *out, const char *text, size_t size);

/* Length of the longest prefix that is whole, valid UTF-8. Equal to `size` when all of it is. */
size_t wrn_utf8_valid_prefix(const void *data, size_t size);
/* Whether the `size` bytes, at least one, are the beginning of one character and not all of it. */
bool wrn_utf8_is_unfinished(const void *data, size_t size);

/* NULL for "" and NULL, else `text`. */
static inline const char *wrn_none_if_empty(const char *text) { return text && *text ? text : NULL; }
/* A copy for the caller to free; NULL of NULL. False when out of memory. */
bool wrn_text_copy(char **out, const char *text);

/* Makes untrusted text safe to show on one line of a terminal: replaces by '?' what is not UTF-8, control characters (C0, C1,
 * DEL), line and paragraph separators, and the controls of bidirectional text. */
void wrn_text_clean(char *text);

/* The value of a hexadecimal digit, -1 when it is none. */
int wrn_hex_digit(char c);
extern const char wrn_hex_digits[]; /* lower case */
/* Writes 2*size lower-case hex digits and a NUL. */
void wrn_hex(char *out, const void *data, size_t size);

/* 32 random hex digits and a NUL; false when the kernel has none. */
enum { WRN_RANDOM_NAME_SIZE = 33 };
bool wrn_random_name(char name[WRN_RANDOM_NAME_SIZE]);

/* "2026-05-01T12:00:00Z" */
enum { WRN_RFC3339_SIZE = 21 };
void wrn_rfc3339(char out[WRN_RFC3339_SIZE], int64_t unix_seconds);

/* Parses a decimal number in [min, max] that takes up the whole string. */
bool wrn_parse_int(const char *text, int64_t min, int64_t max, int64_t *out);

/* The length of the token (RFC 9110 section 5.6.2) at the start of `text`. */
size_t wrn_token_size(const char *text);

/* Whether the comma-separated list of a header field has this token, in any letter case. */
bool wrn_list_has(const char *files_list, const char *token);
