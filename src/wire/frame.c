#include "wire/frame.h"

#include <string.h>

void wrn_put_u32(uint8_t out[4], uint32_t value) {
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(value >> 8 * i);
}

uint32_t wrn_get_u32(const uint8_t in[4]) {
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

void wrn_frame_head(uint8_t out[WRN_FRAME_HEADER], uint32_t stream, uint8_t type, uint8_t flags, uint32_t size) {
    wrn_put_u32(out, size);
    wrn_put_u32(out + 4, stream);
    out[8] = type;
    out[9] = flags;
    out[10] = out[11] = 0;
}

uint8_t *wrn_frame_room(wrn_frame_reader *reader, size_t *size) {
    /* Moves the rest to the front only when no complete frame fits behind it: once per length of the buffer, not once per
     * read. */
    const size_t frame_max = WRN_FRAME_HEADER + WRN_FRAME_PAYLOAD_MAX;
    if (reader->begin == reader->end) {
        reader->begin = reader->end = 0;
    } else if (WRN_FRAME_BUFFER - reader->begin < frame_max) {
        memmove(reader->buffer, reader->buffer + reader->begin, reader->end - reader->begin);
        reader->end -= reader->begin;
        reader->begin = 0;
    }
    *size = WRN_FRAME_BUFFER - reader->end;
    return reader->buffer + reader->end;
}

void wrn_frame_fed(wrn_frame_reader *reader, size_t size) { reader->end += size; }

int wrn_frame_next(wrn_frame_reader *reader, wrn_frame *frame) {
    const uint8_t *head = reader->buffer + reader->begin;
    size_t there = reader->end - reader->begin;
    if (there < WRN_FRAME_HEADER) return 0;
    uint32_t size = wrn_get_u32(head);
    if (size > WRN_FRAME_PAYLOAD_MAX || head[8] == 0 || head[8] >= WRN_FRAME_TYPES || head[10] || head[11]) return -1;
    if (there < WRN_FRAME_HEADER + (size_t)size) return 0;
    *frame = (wrn_frame){wrn_get_u32(head + 4), head[8], head[9], head + WRN_FRAME_HEADER, size};
    reader->begin += WRN_FRAME_HEADER + (size_t)size;
    return 1;
}
