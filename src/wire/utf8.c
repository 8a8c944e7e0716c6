#include "wire/utf8.h"

#include <string.h>

#include "base/text.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* The length of an incomplete character at `at`; 0 when there is none. */
static size_t unfinished(const unsigned char *at, size_t size) {
    size_t length = *at >= 0xc2 && *at <= 0xdf   ? 2
                    : *at >= 0xe0 && *at <= 0xef ? 3
                    : *at >= 0xf0 && *at <= 0xf4 ? 4
                                                 : 0;
    if (size >= length) return 0;
    for (size_t i = 1; i < size; i++)
        if (at[i] < 0x80 || at[i] > 0xbf) return 0;
    /* Second bytes that no character has: overlong forms, surrogates, beyond U+10FFFF. */
    if (size > 1 && ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) || (*at == 0xf0 && at[1] < 0x90) ||
                     (*at == 0xf4 && at[1] > 0x8f)))
        return 0;
    return size;
}

/* Appends complete characters; returns the number of bytes left at the end. */
static size_t append_whole(wrn_buf *out, const unsigned char *data, size_t size) {
    while (size) {
        size_t good = wrn_utf8_valid_prefix(data, size);
        wrn_buf_put(out, data, good);
        data += good;
        size -= good;
        if (!size) return 0;
        size_t kept = unfinished(data, size);
        if (kept) return kept;
        wrn_buf_puts(out, REPLACEMENT);
        data++;
        size--;
    }
    return 0;
}

void wrn_utf8_append(wrn_utf8_carry *carry, wrn_buf *out, const void *data, size_t size) {
    const unsigned char *at = data;
    while (carry->count && size) {
        carry->bytes[carry->count++] = *at++;
        size--;
        size_t left = append_whole(out, carry->bytes, carry->count);
        memmove(carry->bytes, carry->bytes + carry->count - left, left);
        carry->count = left;
    }
    if (!size) return;
    carry->count = append_whole(out, at, size);
    memcpy(carry->bytes, at + size - carry->count, carry->count);
}

void wrn_utf8_end(wrn_utf8_carry *carry, wrn_buf *out) {
    if (carry->count) wrn_buf_puts(out, REPLACEMENT);
    carry->count = 0;
}
