/* JSON texts into structs of every model and back: what was written out reads as the same again. */
#include "base/model.h"
#include "fuzz.h"
#include "gen/requests.h"

static const wrn_model *const models[] = {
#include "models.inc"
};

/* The struct's text; empty when there is no such struct. */
static void through(const wrn_model *model, const wrn_json *value, bool strict, wrn_buf *out) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_model_why why = {0};
    void *record = wrn_arena_alloc(&arena, model->size);
    FUZZ_CHECK(record);
    if (!wrn_model_decode(model, value, strict, &arena, record, &why)) {
        FUZZ_CHECK(!why.no_memory && *why.text);
        return;
    }
    WRN_AUTO(wrn_json_freep) wrn_json *again = wrn_model_encode(model, record);
    FUZZ_CHECK(again);
    wrn_json_write(again, out);
    FUZZ_CHECK(!out->failed && out->size);
}

static void round_trip(const wrn_model *model, const wrn_json *value, bool strict) {
    WRN_AUTO(wrn_buf_free) wrn_buf first = WRN_BUF_INIT, second = WRN_BUF_INIT;
    through(model, value, strict, &first);
    if (!first.size) return;
    WRN_AUTO(wrn_json_freep) wrn_json *parsed = NULL;
    const char *why = NULL;
    FUZZ_CHECK(wrn_json_parse(first.data, first.size, &parsed, &why));
    through(model, parsed, strict, &second);
    FUZZ_CHECK(second.size == first.size && memcmp(first.data, second.data, first.size) == 0);
}

static void list(const wrn_model *model, const wrn_json *value) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_model_why why = {0};
    const void *const *items = NULL;
    size_t count = 0;
    if (wrn_model_decode_list(model, value, &arena, &items, &count, &why)) FUZZ_CHECK(count == wrn_json_count(value));
    else FUZZ_CHECK(!why.no_memory && *why.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    WRN_AUTO(wrn_json_freep) wrn_json *value = NULL, *first = NULL;
    const char *why = NULL;
    bool whole = wrn_json_parse((const char *)data, size, &value, &why);
    if (!whole) FUZZ_CHECK(!value && why);
    bool some = wrn_json_parse_first((const char *)data, size, SIZE_MAX, &first, &why);
    if (whole) FUZZ_CHECK(some);
    if (!some) return 0;
    for (size_t i = 0; i < WRN_COUNT(models); i++) {
        round_trip(models[i], first, false);
        round_trip(models[i], first, true);
        list(models[i], first);
    }
    return 0;
}
