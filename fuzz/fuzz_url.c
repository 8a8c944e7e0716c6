/* Base URLs, which read the same once more, and percent-encoding, which can be undone. */
#include <ctype.h>

#include "fuzz.h"
#include "wire/url.h"

static void base_url(const char *text) {
    wrn_base_url base = {0}, again = {0};
    char why[256] = "";
    wrn_url_verdict verdict = wrn_base_url_parse(text, &base, why, sizeof(why));
    if (verdict != WRN_URL_OK) {
        FUZZ_CHECK(verdict == WRN_URL_BAD && *why);
    } else if (base.kind == WRN_BASE_HTTP) {
        FUZZ_CHECK(wrn_base_url_parse(base.url, &again, why, sizeof(why)) == WRN_URL_OK);
        FUZZ_CHECK(strcmp(base.url, again.url) == 0);
        for (const char *c = base.url; *c; c++) FUZZ_CHECK((unsigned char)*c > ' ' && *c != 0x7f);
    } else if (base.kind == WRN_BASE_UNIX) {
        FUZZ_CHECK(base.unix_path && *base.unix_path == '/');
    }
    wrn_base_url_clear(&base);
    wrn_base_url_clear(&again);
}

static void escape(const char *text) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_url_escape(&out, text);
    const char *at = out.size ? out.data : "";
    for (; *text; text++) {
        unsigned code = (unsigned char)*at;
        FUZZ_CHECK(isalnum((int)code) || strchr("%-._~", (int)code));
        if (*at == '%') {
            FUZZ_CHECK(sscanf(at + 1, "%2x", &code) == 1);
            at += 2;
        }
        at++;
        FUZZ_CHECK(code == (unsigned char)*text);
    }
    FUZZ_CHECK(!*at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = strndup((const char *)data, size);
    FUZZ_CHECK(text);
    base_url(text);
    escape(text);
    free(text);
    return 0;
}
