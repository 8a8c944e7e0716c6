#include "base/model.h"

#include <stdio.h>
#include <string.h>

typedef struct decoder {
    const wrn_model *model;
    wrn_arena *arena;
    bool strict;
    wrn_model_why *why;
} decoder;

static bool model_fail(const decoder *d, const char *name, const char *problem) {
    d->why->no_memory = false;
    snprintf(d->why->text, sizeof(d->why->text), "member \"%.64s\" %s", name, problem);
    return false;
}

static bool model_no_memory(const decoder *d) {
    *d->why = (wrn_model_why){.no_memory = true, .text = "out of memory"};
    return false;
}

static bool get_int(const decoder *d, const wrn_field *field, const wrn_json *value, int64_t *out) {
    if (wrn_json_type_of(value) != WRN_JSON_INT) return model_fail(d, field->name, "must be an integer");
    if (!wrn_json_int(value, out) || (field->int32 && (*out > INT32_MAX || *out < INT32_MIN)))
        return model_fail(d, field->name, "is out of range");
    return true;
}

static bool model_get_text(const decoder *d, const char *name, const wrn_json *value, const char **out, size_t *size) {
    size_t length;
    const char *text = wrn_json_string(value, &length);
    if (!text) return model_fail(d, name, "must be a string");
    if (size) *size = length;
    else if (memchr(text, '\0', length)) return model_fail(d, name, "must not hold a NUL character");
    *out = wrn_arena_dup(d->arena, text, length);
    return *out || model_no_memory(d);
}

static bool get_enum(const decoder *d, const wrn_field *field, const wrn_json *value, int64_t *out, const char **text) {
    const wrn_enum *names = field->sub;
    if (!model_get_text(d, field->name, value, text, NULL)) return false;
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->texts[i], *text) == 0) *out = (int64_t)i + 1;
    return true;
}

static bool get_object(const decoder *d, const wrn_field *field, const wrn_json *value, const void **out) {
    const wrn_model *model = field->sub;
    if (wrn_json_type_of(value) != WRN_JSON_OBJECT) return model_fail(d, field->name, "must be an object");
    void *object = wrn_arena_alloc(d->arena, model->size);
    if (!object) return model_no_memory(d);
    *out = object;
    return wrn_model_decode(model, value, d->strict, d->arena, object, d->why);
}

static bool get_array(const decoder *d, const wrn_field *field, const wrn_json *value, void *slot, size_t *count) {
    if (wrn_json_type_of(value) != WRN_JSON_ARRAY) return model_fail(d, field->name, "must be an array");
    size_t n = wrn_json_count(value);
    /* Lists of strings end with NULL, like argv. */
    int64_t *items = wrn_arena_alloc(d->arena, (n + 1) * sizeof(int64_t));
    if (!items) return model_no_memory(d);
    const char **texts = (const char **)items;
    const void **objects = (const void **)items;
    for (size_t i = 0; i < n; i++) {
        const wrn_json *item = wrn_json_at(value, i);
        bool ok = field->kind == WRN_FIELD_STRINGS   ? model_get_text(d, field->name, item, &texts[i], NULL)
                  : field->kind == WRN_FIELD_OBJECTS ? get_object(d, field, item, &objects[i])
                                                     : get_int(d, field, item, &items[i]);
        if (!ok) return false;
    }
    memcpy(slot, &items, sizeof(items));
    *count = n;
    return true;
}

typedef struct map_builder {
    const decoder *decoder;
    const char *name;
    const wrn_pair **pointers;
    wrn_pair *pairs;
    size_t count;
} map_builder;

static bool add_pair(void *context, const char *key, const wrn_json *value) {
    map_builder *map = context;
    wrn_pair *pair = &map->pairs[map->count];
    map->pointers[map->count++] = pair;
    pair->key = wrn_arena_dup(map->decoder->arena, key, strlen(key));
    if (!pair->key) return model_no_memory(map->decoder);
    return model_get_text(map->decoder, map->name, value, &pair->value, NULL);
}

static bool get_map(const decoder *d, const wrn_field *field, const wrn_json *value, const wrn_pair *const **out,
                    size_t *count) {
    if (wrn_json_type_of(value) != WRN_JSON_OBJECT) return model_fail(d, field->name, "must be an object");
    size_t members = wrn_json_members(value);
    map_builder map = {
        .decoder = d,
        .name = field->name,
        .pointers = wrn_arena_alloc(d->arena, (members + 1) * sizeof(wrn_pair *)),
        .pairs = wrn_arena_alloc(d->arena, (members + 1) * sizeof(wrn_pair)),
    };
    if (!map.pointers || !map.pairs) return model_no_memory(d);
    if (!wrn_json_each(value, add_pair, &map)) return false;
    *out = map.pointers;
    *count = map.count;
    return true;
}

static bool decode_field(const decoder *d, const wrn_field *field, const wrn_json *value, char *out) {
    void *slot = out + field->offset, *second = out + field->count_offset;
    switch ((wrn_field_kind)field->kind) {
    case WRN_FIELD_STRING: return model_get_text(d, field->name, value, slot, NULL);
    case WRN_FIELD_BYTES: return model_get_text(d, field->name, value, slot, second);
    case WRN_FIELD_INT: return get_int(d, field, value, slot);
    case WRN_FIELD_ENUM: return get_enum(d, field, value, slot, second);
    case WRN_FIELD_OBJECT: return get_object(d, field, value, slot);
    case WRN_FIELD_MAP: return get_map(d, field, value, slot, second);
    case WRN_FIELD_DOUBLE: return wrn_json_double(value, slot) || model_fail(d, field->name, "must be a number");
    case WRN_FIELD_BOOL: {
        bool truth;
        if (!wrn_json_bool(value, &truth)) return model_fail(d, field->name, "must be true or false");
        *(int64_t *)slot = truth;
        return true;
    }
    case WRN_FIELD_STRINGS:
    case WRN_FIELD_OBJECTS:
    case WRN_FIELD_INTS: return get_array(d, field, value, slot, second);
    }
    return false;
}

typedef struct leftover {
    const wrn_model *model;
    wrn_json *object;
    bool failed;
} leftover;

static bool keep_unknown(void *context, const char *key, const wrn_json *value) {
    leftover *rest = context;
    for (size_t i = 0; i < rest->model->count; i++)
        if (strcmp(rest->model->fields[i].name, key) == 0) return true;
    if (!rest->object) rest->object = wrn_json_new_object();
    bool ok = value ? wrn_json_set(rest->object, key, wrn_json_ref(value)) : wrn_json_set_null(rest->object, key);
    rest->failed = !ok;
    return ok;
}

static bool decode_unknown(const decoder *d, const wrn_json *object, wrn_model_head *head) {
    leftover rest = {.model = d->model};
    wrn_json_each(object, keep_unknown, &rest);
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    if (rest.object) wrn_json_write(rest.object, &text);
    if (text.size && !text.failed) head->unknown = wrn_arena_dup(d->arena, text.data, text.size);
    bool ok = !rest.failed && (!rest.object || head->unknown);
    wrn_json_free(rest.object);
    return ok || model_no_memory(d);
}

bool wrn_model_decode(const wrn_model *model, const wrn_json *object, bool strict, wrn_arena *arena, void *out,
                      wrn_model_why *why) {
    decoder d = {model, arena, strict, why};
    wrn_model_head *head = out;
    if (wrn_json_type_of(object) != WRN_JSON_OBJECT) {
        why->no_memory = false;
        snprintf(why->text, sizeof(why->text), "%s must be a JSON object", model->name);
        return false;
    }
    for (size_t i = 0; i < model->count; i++) {
        const wrn_field *field = &model->fields[i];
        const wrn_json *value = wrn_json_get(object, field->name);
        if (value || wrn_json_has(object, field->name)) head->present |= UINT64_C(1) << i;
        if (!value) {
            if (strict && field->required) return model_fail(&d, field->name, "is missing");
            head->nulls |= head->present & UINT64_C(1) << i;
            continue;
        }
        if (!decode_field(&d, field, value, out)) return false;
    }
    return decode_unknown(&d, object, head);
}

bool wrn_model_decode_list(const wrn_model *model, const wrn_json *array, wrn_arena *arena, const void *const **items,
                           size_t *count, wrn_model_why *why) {
    const wrn_field field = {
        .name = model->name, .kind = model->fields ? WRN_FIELD_OBJECTS : WRN_FIELD_STRINGS, .sub = model};
    const decoder d = {model, arena, false, why};
    return get_array(&d, &field, array, items, count);
}

/* ---- encoding ---- */

static wrn_json *text_value(const char *text) { return wrn_json_new_string(text ? text : "", text ? strlen(text) : 0); }

static wrn_json *encode_array(const wrn_field *field, const void *slot, size_t count) {
    const int64_t *items;
    memcpy(&items, slot, sizeof(items));
    const char *const *texts = (const char *const *)items;
    const void *const *objects = (const void *const *)items;
    wrn_json *array = wrn_json_new_array();
    for (size_t i = 0; i < count && array; i++) {
        wrn_json *item = field->kind == WRN_FIELD_STRINGS   ? text_value(texts[i])
                         : field->kind == WRN_FIELD_OBJECTS ? wrn_model_encode(field->sub, objects[i])
                                                            : wrn_json_new_int(items[i]);
        if (!wrn_json_append(array, item)) {
            wrn_json_free(array);
            return NULL;
        }
    }
    return array;
}

static wrn_json *encode_map(const wrn_pair *const *pairs, size_t count) {
    wrn_json *object = wrn_json_new_object();
    for (size_t i = 0; i < count && object; i++) {
        if (!wrn_json_set(object, pairs[i]->key, text_value(pairs[i]->value))) {
            wrn_json_free(object);
            return NULL;
        }
    }
    return object;
}

static wrn_json *encode_field(const wrn_field *field, const char *in) {
    const void *slot = in + field->offset, *second = in + field->count_offset;
    const char *const *text = slot;
    const int64_t *number = slot;
    switch ((wrn_field_kind)field->kind) {
    case WRN_FIELD_STRING: return text_value(*text);
    case WRN_FIELD_BYTES: return wrn_json_new_string(*text ? *text : "", *(const size_t *)second);
    case WRN_FIELD_INT: return wrn_json_new_int(*number);
    case WRN_FIELD_BOOL: return wrn_json_new_bool(*number != 0);
    case WRN_FIELD_DOUBLE: return wrn_json_new_double(*(const double *)slot);
    case WRN_FIELD_OBJECT: return wrn_model_encode(field->sub, *(const void *const *)slot);
    case WRN_FIELD_MAP: return encode_map(*(const wrn_pair *const *const *)slot, *(const size_t *)second);
    case WRN_FIELD_ENUM: {
        const wrn_enum *names = field->sub;
        bool known = *number >= 1 && (size_t)*number <= names->count;
        return text_value(known ? names->texts[*number - 1] : *(const char *const *)second);
    }
    case WRN_FIELD_STRINGS:
    case WRN_FIELD_OBJECTS:
    case WRN_FIELD_INTS: return encode_array(field, slot, *(const size_t *)second);
    }
    return NULL;
}

static bool model_copy_member(void *context, const char *key, const wrn_json *value) {
    return value ? wrn_json_set(context, key, wrn_json_ref(value)) : wrn_json_set_null(context, key);
}

static bool encode_unknown(wrn_json *object, const char *text) {
    WRN_AUTO(wrn_json_freep) wrn_json *rest = NULL;
    const char *why;
    return wrn_json_parse(text, strlen(text), &rest, &why) && wrn_json_each(rest, model_copy_member, object);
}

static bool is_set(const wrn_field *field, const char *in) {
    const void *slot = in + field->offset;
    switch ((wrn_field_kind)field->kind) {
    case WRN_FIELD_INT:
    case WRN_FIELD_BOOL: return *(const int64_t *)slot != 0;
    case WRN_FIELD_DOUBLE: return *(const double *)slot != 0;
    case WRN_FIELD_ENUM: return *(const int64_t *)slot != 0 || *(const char *const *)(in + field->count_offset);
    default: return *(const void *const *)slot != NULL;
    }
}

/* The members to encode when `present` is 0. A required object that is NULL is left out: there is nothing to write. */
static uint64_t required_or_set(const wrn_model *model, const char *in) {
    uint64_t bits = 0;
    for (size_t i = 0; i < model->count; i++) {
        const wrn_field *field = &model->fields[i];
        if (is_set(field, in) || (field->required && field->kind != WRN_FIELD_OBJECT)) bits |= UINT64_C(1) << i;
    }
    return bits;
}

wrn_json *wrn_model_encode(const wrn_model *model, const void *in) {
    const wrn_model_head *head = in;
    wrn_json *object = wrn_json_new_object();
    bool ok = object != NULL;
    uint64_t present = head->present ? head->present : required_or_set(model, in);
    for (size_t i = 0; i < model->count && ok; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if (!(present & bit)) continue;
        const char *name = model->fields[i].name;
        ok = head->nulls & bit ? wrn_json_set_null(object, name)
                               : wrn_json_set(object, name, encode_field(&model->fields[i], in));
    }
    if (ok && head->unknown) ok = encode_unknown(object, head->unknown);
    if (ok) return object;
    wrn_json_free(object);
    return NULL;
}

void wrn_model_write(const wrn_model *model, const void *in, wrn_buf *out) {
    WRN_AUTO(wrn_json_freep) wrn_json *json = wrn_model_encode(model, in);
    if (json) wrn_json_write(json, out);
    else out->failed = true;
}
