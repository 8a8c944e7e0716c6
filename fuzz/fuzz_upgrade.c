/* What a server answers to a WebSocket's opening request. */
#include "fuzz.h"
#include "wire/upgrade.h"

/* The answer that fits is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static void parse(const char *data, size_t size, uint32_t seed, wrn_buf *seen) {
    wrn_upgrade upgrade;
    wrn_upgrade_step step = WRN_UPGRADE_MORE;
    size_t at = 0;
    wrn_upgrade_init(&upgrade, KEY, "wrenn.bytes.v1");
    while (step == WRN_UPGRADE_MORE && at < size) {
        size_t used = 0, piece = fuzz_piece(&seed, size - at);
        step = wrn_upgrade_feed(&upgrade, data + at, piece, &used);
        FUZZ_CHECK(used <= piece);
        if (step == WRN_UPGRADE_MORE) FUZZ_CHECK(used == piece);
        at += used;
    }
    if (step == WRN_UPGRADE_MORE) step = wrn_upgrade_end(&upgrade);
    FUZZ_CHECK(step != WRN_UPGRADE_MORE);
    wrn_buf_printf(seen, "%d %d %d %lld %s\n", (int)step, upgrade.status, upgrade.selected, upgrade.retry_after,
                   upgrade.request_id);
    if (step == WRN_UPGRADE_OPEN) wrn_buf_printf(seen, "frames from %zu\n", at);
    if (step == WRN_UPGRADE_BAD) FUZZ_CHECK(upgrade.why);
    if (step == WRN_UPGRADE_REFUSED && upgrade.body.size) wrn_buf_put(seen, upgrade.body.data, upgrade.body.size);
    FUZZ_CHECK(upgrade.body.size <= WRN_UPGRADE_BODY_MAX);
    wrn_upgrade_clear(&upgrade);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_in_pieces(data, size, parse);
    return 0;
}
