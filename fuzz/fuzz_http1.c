/* Requests at wrennd's door. */
#include "fuzz.h"
#include "server/http/http1.h"

/* The trace holds bodies without their cuts. */
static void note_head(wrn_buf *seen, wrn_http_head *head) {
    FUZZ_CHECK(head->method && head->path && *head->path == '/' && head->query);
    wrn_buf_printf(seen, "\n%s %s?%s %lld %d%d%d\n", head->method, head->path, head->query,
                   (long long)head->content_length, head->keep_alive, head->expect_continue, head->http_1_0);
    for (size_t i = 0; i < head->count; i++) {
        FUZZ_CHECK(*head->fields[i].name && !strpbrk(head->fields[i].value, "\r\n"));
        wrn_buf_printf(seen, "%s: %s\n", head->fields[i].name, head->fields[i].value);
    }
    wrn_http_head_free(head);
}

static void parse(const char *data, size_t size, uint32_t seed, wrn_buf *seen) {
    static const wrn_http1_limits limits = {.url_max = 256, .head_max = 1024, .fields_max = 16};
    wrn_http1 h;
    wrn_http1_step step = WRN_HTTP1_MORE;
    size_t at = 0, end = 0;
    wrn_http1_init(&h, &limits);
    while (step != WRN_HTTP1_BAD && (at < size || step != WRN_HTTP1_MORE)) {
        size_t used = 0;
        if (end == at) end += fuzz_piece(&seed, size - at);
        step = wrn_http1_feed(&h, data + at, end - at, &used);
        FUZZ_CHECK(used <= end - at);
        at += used;
        if (step == WRN_HTTP1_MORE) FUZZ_CHECK(at == end);
        if (step == WRN_HTTP1_HEAD) note_head(seen, &h.ready);
        if (step == WRN_HTTP1_BODY) wrn_buf_put(seen, h.piece, h.piece_size);
        if (step == WRN_HTTP1_END) wrn_buf_puts(seen, "\nend\n");
        /* Of several things wrong the first one found is named, and that depends on the pieces. */
        if (step == WRN_HTTP1_BAD) FUZZ_CHECK(h.status >= 400 && h.status < 600 && *h.why);
        if (step == WRN_HTTP1_BAD) wrn_buf_puts(seen, "\nbad\n");
    }
    wrn_http1_free(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_in_pieces(data, size, parse);
    return 0;
}
