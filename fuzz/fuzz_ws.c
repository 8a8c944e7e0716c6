/* WebSocket frames at both ends: the same messages however the bytes are cut. Bit 7 of the seed says
 * which end. */
#include "base/text.h"
#include "fuzz.h"
#include "wire/ws.h"

enum { MESSAGE_MAX = 2000 };

static bool client;

static void on_message(void *context, bool binary, const char *data, size_t size) {
    wrn_buf *seen = context;
    FUZZ_CHECK(size <= MESSAGE_MAX);
    if (!binary) FUZZ_CHECK(wrn_utf8_valid_prefix(data, size) == size);
    wrn_buf_printf(seen, "%s %zu:", binary ? "binary" : "text", size);
    wrn_buf_put(seen, data, size);
}

/* Not in the trace: wslay looks at the reason in a close frame piece by piece, and takes some good ones for broken. */
static void on_closed(void *context, int code) {
    (void)context;
    FUZZ_CHECK(code >= 1000 && code <= 4999);
}

static void parse(const char *data, size_t size, uint32_t seed, wrn_buf *seen) {
    static const wrn_ws_events events = {on_message, on_closed};
    wrn_ws *ws = wrn_ws_new(client, MESSAGE_MAX, &events, seen);
    FUZZ_CHECK(ws);
    bool open = true;
    for (size_t at = 0, piece; open && at < size; at += piece) {
        piece = fuzz_piece(&seed, size - at);
        open = wrn_ws_feed(ws, data + at, piece);
        wrn_ws_pong(ws, wrn_ws_out(ws)->size);
    }
    FUZZ_CHECK(!open || !wrn_ws_problem(ws));
    /* What it answers may differ: a ping that came together with the end needs no pong. */
    FUZZ_CHECK(!wrn_ws_out(ws)->failed);
    wrn_ws_free(ws);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    client = size && *data & 0x80;
    fuzz_in_pieces(data, size, parse);
    return 0;
}
