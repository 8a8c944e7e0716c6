/* Decodes UTF-8 text that arrives in pieces. A character that is cut by the end of a piece waits for the next one; bytes that
 * are not UTF-8 become U+FFFD. */
#pragma once

#include "base/buf.h"

typedef struct wrn_utf8_carry {
    unsigned char bytes[4]; /* the beginning of a character */
    size_t count;
} wrn_utf8_carry;

/* Appends the text of the waiting bytes and of this piece. */
void wrn_utf8_append(wrn_utf8_carry *carry, wrn_buf *out, const void *data, size_t size);
/* The text ends: an incomplete character becomes U+FFFD. */
void wrn_utf8_end(wrn_utf8_carry *carry, wrn_buf *out);
