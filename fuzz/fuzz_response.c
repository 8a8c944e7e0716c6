/* What a program in a sandbox answers through the port proxy. Bit 7 of the seed: to HEAD. */
#include "fuzz.h"
#include "server/http/response.h"

static bool to_head;

static void note(wrn_response *r, wrn_response_step step, wrn_buf *seen) {
    if (step == WRN_RESPONSE_BODY) wrn_buf_put(seen, r->piece, r->piece_size);
    if (step == WRN_RESPONSE_BAD) wrn_buf_printf(seen, "\nbad %s\n", r->why);
    if (step == WRN_RESPONSE_END) wrn_buf_puts(seen, "\nend\n");
    if (step != WRN_RESPONSE_HEAD) return;
    FUZZ_CHECK(r->status >= 100 && r->status <= 999 && r->length >= -1);
    wrn_buf_printf(seen, "%d %lld\n", r->status, (long long)r->length);
    if (r->fields.size) wrn_buf_put(seen, r->fields.data, r->fields.size);
}

static void parse(const char *data, size_t size, uint32_t seed, wrn_buf *seen) {
    wrn_response r = {.no_body = to_head};
    wrn_response_step step = WRN_RESPONSE_MORE;
    size_t at = 0, end = 0;
    while (step != WRN_RESPONSE_BAD && step != WRN_RESPONSE_END && (at < size || step != WRN_RESPONSE_MORE)) {
        size_t used = 0;
        if (end == at) end += fuzz_piece(&seed, size - at);
        step = wrn_response_feed(&r, data + at, end - at, &used);
        FUZZ_CHECK(used <= end - at);
        at += used;
        if (step == WRN_RESPONSE_MORE) FUZZ_CHECK(at == end);
        note(&r, step, seen);
    }
    if (step == WRN_RESPONSE_MORE) note(&r, wrn_response_eof(&r), seen);
    wrn_response_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    to_head = size && *data & 0x80;
    fuzz_in_pieces(data, size, parse);
    return 0;
}
