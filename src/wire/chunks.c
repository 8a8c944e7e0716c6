#include "wire/chunks.h"

#include "base/text.h"

enum { OVERHEAD_MAX = 16384 };
enum { SIZE, EXTENSION, DATA, DATA_END, TRAILER, OVER };

static wrn_chunks_step chunks_bad(wrn_chunks *c, const char *why) {
    c->phase = OVER;
    c->why = why;
    return WRN_CHUNKS_BAD;
}

static wrn_chunks_step chunks_end_size(wrn_chunks *c) {
    c->phase = c->left ? DATA : TRAILER;
    c->any = false;
    c->last = '\0';
    return WRN_CHUNKS_MORE;
}

static wrn_chunks_step chunks_take_size(wrn_chunks *c, char byte) {
    int digit = wrn_hex_digit(byte);
    if (digit >= 0) {
        if (c->left >> 56) return chunks_bad(c, "a chunk is too large");
        c->left = c->left << 4 | (uint64_t)digit;
        c->any = true;
        return WRN_CHUNKS_MORE;
    }
    if (!c->any || (byte != '\n' && byte != ';' && !(byte == ' ' && c->lenient)))
        return chunks_bad(c, "a chunk's size is not a number");
    if (byte == '\n') return chunks_end_size(c);
    c->phase = EXTENSION;
    return WRN_CHUNKS_MORE;
}

static wrn_chunks_step chunks_take_trailer(wrn_chunks *c, char byte) {
    if (byte == '\n' && !c->any) {
        c->phase = OVER;
        return WRN_CHUNKS_END;
    }
    if (byte == '\0' && !c->lenient) return chunks_bad(c, "a trailer is malformed");
    c->any = byte != '\n';
    return WRN_CHUNKS_MORE;
}

/* One byte of framing. */
static wrn_chunks_step chunks_take_byte(wrn_chunks *c, char byte) {
    if (++c->overhead > OVERHEAD_MAX) return chunks_bad(c, "there is too much chunk framing");
    if (!c->lenient && (c->last == '\r') != (byte == '\n'))
        return chunks_bad(c, "a line of chunk framing does not end in CR LF");
    c->last = byte;
    if (byte == '\r') return WRN_CHUNKS_MORE;
    switch (c->phase) {
    case SIZE: return chunks_take_size(c, byte);
    case EXTENSION:
        if (byte == '\n') return chunks_end_size(c);
        if (!c->lenient && byte != '\t' && ((unsigned char)byte < ' ' || byte == 127))
            return chunks_bad(c, "a chunk's extension has control characters");
        return WRN_CHUNKS_MORE;
    case DATA_END:
        c->phase = SIZE;
        c->any = false;
        c->last = '\0';
        return byte == '\n' ? WRN_CHUNKS_MORE : chunks_bad(c, "a chunk is longer than its size");
    case TRAILER: return chunks_take_trailer(c, byte);
    default: return chunks_bad(c, "something follows the last chunk");
    }
}

wrn_chunks_step wrn_chunks_feed(wrn_chunks *c, const char *data, size_t size, size_t *used) {
    for (*used = 0; *used < size;) {
        if (c->phase == DATA) {
            size_t rest = size - *used;
            c->piece = data + *used;
            c->piece_size = c->left < rest ? (size_t)c->left : rest;
            c->left -= c->piece_size;
            c->overhead = 0;
            if (!c->left) c->phase = DATA_END;
            *used += c->piece_size;
            return WRN_CHUNKS_DATA;
        }
        wrn_chunks_step step = chunks_take_byte(c, data[(*used)++]);
        if (step != WRN_CHUNKS_MORE) return step;
    }
    return WRN_CHUNKS_MORE;
}
