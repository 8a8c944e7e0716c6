#include "wire/utf8.h"

#include <string.h>

#include "base/text.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Appends complete characters; returns the number of bytes left at the end. */
static size_t append_whole(wrn_buf *out, const unsigned char *data, size_t size) {
    while (size) {
        size_t good = wrn_utf8_valid_prefix(data, size);
        wrn_buf_put(out, data, good);
        data += good;
        size -= good;
        if (!size) return 0;
        if (wrn_utf8_is_unfinished(data, size)) return size;
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
