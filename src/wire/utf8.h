/* Bytes that arrive in pieces, as UTF-8 text: a character cut by the end of a piece is kept for the next one, and what is
 * no UTF-8 becomes U+FFFD. */
#ifndef WRN_WIRE_UTF8_H
#define WRN_WIRE_UTF8_H

#include "base/buf.h"

typedef struct wrn_utf8_carry {
    unsigned char bytes[4]; /* the beginning of a character */
    size_t count;
} wrn_utf8_carry;

/* Appends the text of what was kept and of this piece. */
void wrn_utf8_append(wrn_utf8_carry *carry, wrn_buf *out, const void *data, size_t size);
/* There is no more: what was kept is no character. */
void wrn_utf8_end(wrn_utf8_carry *carry, wrn_buf *out);

#endif
