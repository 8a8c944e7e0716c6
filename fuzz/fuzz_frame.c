/* The frames between wrennd and the agent. */
#include "fuzz.h"
#include "wire/frame.h"

static void parse(const char *data, size_t size, uint32_t seed, wrn_buf *seen) {
    static uint8_t buffer[WRN_FRAME_BUFFER];
    wrn_frame_reader reader = {.buffer = buffer};
    wrn_frame frame;
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < size;) {
        size_t room, piece = fuzz_piece(&seed, size - at);
        uint8_t *to = wrn_frame_room(&reader, &room);
        FUZZ_CHECK(room > 0 && to >= buffer && to + room <= buffer + sizeof(buffer));
        if (piece > room) piece = room;
        memcpy(to, data + at, piece);
        wrn_frame_fed(&reader, piece);
        at += piece;
        while ((rc = wrn_frame_next(&reader, &frame)) == 1) {
            FUZZ_CHECK(frame.size <= WRN_FRAME_PAYLOAD_MAX);
            wrn_buf_printf(seen, "%u %u %u %u:", frame.stream, frame.type, frame.flags, frame.size);
            if (frame.size) wrn_buf_put(seen, frame.data, frame.size);
        }
    }
    wrn_buf_printf(seen, "%d", rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_in_pieces(data, size, parse);
    return 0;
}
