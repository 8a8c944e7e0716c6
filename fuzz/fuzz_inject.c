/* Requests of a sandbox on their way to where a header is added: the same however they are cut, and each that leaves has the header once. */
#include "fuzz.h"
#include "gate/inject.h"

static void parse(const char *data, size_t size, uint32_t seed, wrn_buf *seen) {
    static char name[] = "X-Key", value[] = "s3cret";
    static wrn_injection key = {name, value};
    const wrn_inject_host host = {.name = "a.b", .port = 443, .headers = &key, .count = 1};
    wrn_injector in = wrn_injector_new(&host);
    const wrn_inject_refusal *why = NULL;
    for (size_t at = 0, piece; at < size && !why; at += piece) {
        piece = fuzz_piece(&seed, size - at);
        why = wrn_inject(&in, data + at, piece, seen);
    }
    FUZZ_CHECK(!why == (in.part != WRN_INJECT_REFUSED));
    static const char header[] = "\r\nX-Key: s3cret\r\n\r\n";
    size_t added = 0;
    for (size_t at = 0; at + sizeof(header) - 1 <= seen->size; at++)
        added += memcmp(seen->data + at, header, sizeof(header) - 1) == 0;
    FUZZ_CHECK(added >= in.requests);
    if (why) wrn_buf_printf(seen, "\n%d\n", why->status);
    wrn_injector_free(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_in_pieces(data, size, parse);
    return 0;
}
