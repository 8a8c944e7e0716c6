/* The server that TLS or HTTP asks for: the same however the bytes are cut, and always a clean name. The first byte chooses. */
#include "fuzz.h"
#include "gate/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    wrn_hello (*read)(const uint8_t *, size_t, char *) = *data & 1 ? wrn_hello_tls : wrn_hello_http;
    char name[WRN_NAME_MAX + 1] = "", early[WRN_NAME_MAX + 1], clean[WRN_NAME_MAX + 1];
    uint32_t seed = *data / 2u + 1;
    wrn_hello whole = read(data + 1, size - 1, name);
    FUZZ_CHECK(whole != WRN_HELLO_MORE || size - 1 < WRN_HELLO_MAX);
    if (whole == WRN_HELLO_NAMED) FUZZ_CHECK(wrn_name_clean(name, strlen(name), clean) && strcmp(name, clean) == 0);
    for (size_t at = 0; at < size - 1; at += fuzz_piece(&seed, size - 1 - at)) {
        wrn_hello part = read(data + 1, at, early);
        if (part == WRN_HELLO_MORE) continue;
        FUZZ_CHECK(part == whole && (part != WRN_HELLO_NAMED || strcmp(name, early) == 0));
        break;
    }
    return 0;
}
