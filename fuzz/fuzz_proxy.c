/* What an HTTP proxy answers: the same however the bytes are cut, and nothing behind the head is taken. */
#include "fuzz.h"
#include "gate/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    proxy_reader whole = {0}, parts = {0};
    uint32_t seed = (uint32_t)size + 1;
    size_t used, total = 0;
    proxy_answer want = proxy_read(&whole, data, size, &used), got = PROXY_MORE;
    FUZZ_CHECK(used <= size && (want != PROXY_MORE || used == size) && used <= PROXY_ANSWER_MAX + 1);
    if (want == PROXY_GRANTED) FUZZ_CHECK(used >= 14 && data[used - 1] == '\n' && data[9] == '2');
    while (got == PROXY_MORE && total < size) {
        size_t taken, piece = fuzz_piece(&seed, size - total);
        got = proxy_read(&parts, data + total, piece, &taken);
        total += taken;
    }
    FUZZ_CHECK(got == want && total == used);
    return 0;
}
