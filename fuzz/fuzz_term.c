/* Output of terminals: a replay is the same however the output comes, and brings a fresh terminal to where the output itself
 * would have. */
#include "fuzz.h"
#include "wire/term.h"

enum { KEEP = 48 };

static void replay(const char *data, size_t size, uint32_t seed, wrn_buf *seen) {
    wrn_replay r = {.keep = KEEP};
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = fuzz_piece(&seed, size - at);
        wrn_replay_put(&r, data + at, piece);
        FUZZ_CHECK(r.bytes.size <= 2 * KEEP);
    }
    wrn_replay_write(&r, seen);
    wrn_replay_free(&r);
}

static void modes_of(const void *data, size_t size, wrn_buf *out) {
    wrn_term t = {0};
    wrn_term_feed(&t, data, size);
    wrn_term_restore(&t, out);
    wrn_buf_printf(out, " %d", wrn_term_is_at_rest(&t));
}

static void check_same(const wrn_buf *direct, const wrn_buf *shown) {
    WRN_AUTO(wrn_buf_free) wrn_buf replayed = WRN_BUF_INIT;
    modes_of(shown->data, shown->size, &replayed);
    FUZZ_CHECK(direct->size == replayed.size && memcmp(direct->data, replayed.data, direct->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    WRN_AUTO(wrn_buf_free) wrn_buf shown = WRN_BUF_INIT, direct = WRN_BUF_INIT, pieces = WRN_BUF_INIT;
    if (!size) return 0;
    replay((const char *)data + 1, size - 1, 0, &shown);
    replay((const char *)data + 1, size - 1, (uint32_t)*data + 1, &pieces);
    modes_of(data + 1, size - 1, &direct);
    check_same(&direct, &shown);
    check_same(&direct, &pieces);
    return 0;
}
