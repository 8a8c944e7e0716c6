/* multipart/form-data: the first line is the Content-Type, without the words that have to be in it. */
#include "fuzz.h"
#include "server/http/multipart.h"

static void feed(wrn_multipart *m, const char *data, size_t size, uint32_t seed, wrn_buf *seen) {
    wrn_multipart_step step = WRN_MULTIPART_MORE;
    size_t at = 0, end = 0;
    while (step != WRN_MULTIPART_BAD && step != WRN_MULTIPART_END && (at < size || step != WRN_MULTIPART_MORE)) {
        size_t used = 0;
        if (end == at) end += fuzz_piece(&seed, size - at);
        step = wrn_multipart_feed(m, data + at, end - at, &used);
        FUZZ_CHECK(used <= end - at);
        at += used;
        if (step == WRN_MULTIPART_MORE) FUZZ_CHECK(at == end);
        if (step == WRN_MULTIPART_PART) wrn_buf_printf(seen, "\npart \"%s\" %d\n", m->name, m->has_filename);
        if (step == WRN_MULTIPART_PIECE) wrn_buf_put(seen, m->piece, m->piece_size);
        if (step == WRN_MULTIPART_PART_END) wrn_buf_puts(seen, "\npart end\n");
        if (step == WRN_MULTIPART_BAD) wrn_buf_printf(seen, "\nbad %s\n", m->why);
    }
    if (step == WRN_MULTIPART_END) wrn_buf_puts(seen, "\nend\n");
}

static void parse(const char *data, size_t size, uint32_t seed, wrn_buf *seen) {
    char type[160];
    wrn_multipart m;
    size_t line = 0;
    while (line < size && data[line] != '\n' && data[line]) line++;
    snprintf(type, sizeof(type), "multipart/form-data; boundary=%.*s", (int)(line < 100 ? line : 100), data);
    if (!wrn_multipart_init(&m, type)) {
        FUZZ_CHECK(m.why);
        return;
    }
    if (line < size) feed(&m, data + line + 1, size - line - 1, seed, seen);
    wrn_multipart_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_in_pieces(data, size, parse);
    return 0;
}
