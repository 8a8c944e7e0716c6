#include "base/json.h"

#include <ctype.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

/* ---- the grammar of RFC 8259 ----
 *
 * json-c does not keep to it: in strict mode, 0.16 still accepts NaN, single quotes, raw control characters, "1." and "00",
 * and 0.18 refuses every character beyond ASCII. So the text is checked here, and json-c builds the values. */

typedef struct check {
    const char *at, *end;
    int depth;
    size_t left; /* values that are still allowed */
    const char *why;
} check;

static bool json_wrong(check *c) {
    if (!c->why) c->why = c->at == c->end ? "text ends too early" : "not valid JSON";
    return false;
}

static void json_skip_space(check *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) c->at++;
}

static bool json_take(check *c, char wanted) {
    if (c->at == c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

static bool json_take_digits(check *c) {
    const char *start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') c->at++;
    return c->at > start;
}

static bool check_number(check *c) {
    json_take(c, '-');
    if (!json_take(c, '0') && !json_take_digits(c)) return json_wrong(c);
    if (json_take(c, '.') && !json_take_digits(c)) return json_wrong(c);
    if (json_take(c, 'e') || json_take(c, 'E')) {
        if (!json_take(c, '+')) json_take(c, '-');
        if (!json_take_digits(c)) return json_wrong(c);
    }
    return true;
}

static bool check_word(check *c, const char *word) {
    for (; *word; word++)
        if (!json_take(c, *word)) return json_wrong(c);
    return true;
}

static bool check_string(check *c) {
    if (!json_take(c, '"')) return json_wrong(c);
    while (!json_take(c, '"')) {
        if (c->at == c->end || (unsigned char)*c->at < 0x20) return json_wrong(c);
        if (*c->at++ != '\\') continue;
        if (c->at == c->end || !*c->at || !strchr("\"\\/bfnrtu", *c->at)) return json_wrong(c);
        if (*c->at++ != 'u') continue;
        for (int i = 0; i < 4; i++, c->at++)
            if (c->at == c->end || !isxdigit((unsigned char)*c->at)) return json_wrong(c);
    }
    return true;
}

static bool check_value(check *c);

/* The content of an array or an object, up to the bracket that ends it. */
static bool check_list(check *c, char last) {
    if (++c->depth > WRN_JSON_DEPTH_MAX) return c->why = "nested too deeply", false;
    json_skip_space(c);
    if (!json_take(c, last)) {
        do {
            json_skip_space(c);
            if (last == '}') {
                if (!check_string(c)) return false;
                json_skip_space(c);
                if (!json_take(c, ':')) return json_wrong(c);
            }
            if (!check_value(c)) return false;
            json_skip_space(c);
        } while (json_take(c, ','));
        if (!json_take(c, last)) return json_wrong(c);
    }
    c->depth--;
    return true;
}

static bool check_value(check *c) {
    json_skip_space(c);
    if (c->at == c->end) return json_wrong(c);
    if (!c->left--) return c->why = "too many values", false;
    switch (*c->at) {
    case '{': return c->at++, check_list(c, '}');
    case '[': return c->at++, check_list(c, ']');
    case '"': return check_string(c);
    case 't': return check_word(c, "true");
    case 'f': return check_word(c, "false");
    case 'n': return check_word(c, "null");
    default: return check_number(c);
    }
}

/* The size of the first value, with the white space around it; 0 and *why when there is none. */
static size_t json_value_size(const char *text, size_t size, size_t values_max, const char **why) {
    check c = {.at = text, .end = text + size, .left = values_max};
    if (!size) return *why = "text is empty", 0;
    if (!check_value(&c)) return *why = c.why, 0;
    json_skip_space(&c);
    size_t used = (size_t)(c.at - text);
    if (wrn_utf8_valid_prefix(text, used) != used) return *why = "not valid UTF-8", 0;
    return used;
}

static bool json_parse(const char *text, size_t size, bool first_only, size_t values_max, wrn_json **out,
                       const char **why) {
    *out = NULL;
    if (size > INT_MAX) return *why = "text is too large", false;
    size_t used = json_value_size(text, size, values_max, why);
    if (!used) return false;
    if (used < size && !first_only) return *why = "not valid JSON", false;
    json_tokener *tokener = json_tokener_new_ex(WRN_JSON_DEPTH_MAX);
    if (!tokener) return *why = "out of memory", false;
    *out = json_tokener_parse_ex(tokener, text, (int)used);
    /* A number or literal at the end of the text is complete only once a separator follows. */
    if (json_tokener_get_error(tokener) == json_tokener_continue) *out = json_tokener_parse_ex(tokener, " ", 1);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    json_tokener_free(tokener);
    if (error == json_tokener_success) return true;
    json_object_put(*out);
    *out = NULL;
    *why = error == json_tokener_error_depth ? "nested too deeply" : "not valid JSON";
    return false;
}

bool wrn_json_parse(const char *text, size_t size, wrn_json **out, const char **why) {
    return json_parse(text, size, false, SIZE_MAX, out, why);
}

bool wrn_json_parse_within(const char *text, size_t size, size_t values_max, wrn_json **out, const char **why) {
    return json_parse(text, size, false, values_max, out, why);
}

bool wrn_json_parse_first(const char *text, size_t size, size_t values_max, wrn_json **out, const char **why) {
    return json_parse(text, size, true, values_max, out, why);
}

void wrn_json_free(wrn_json *root) { json_object_put(root); }
void wrn_json_freep(wrn_json **root) { wrn_json_free(*root); }

/* json-c is not const-correct; reading never changes a value. */
static json_object *json_mut(const wrn_json *value) { return (json_object *)(uintptr_t)value; }

wrn_json_type wrn_json_type_of(const wrn_json *value) {
    switch (json_object_get_type(json_mut(value))) {
    case json_type_boolean: return WRN_JSON_BOOL;
    case json_type_int: return WRN_JSON_INT;
    case json_type_double: return WRN_JSON_DOUBLE;
    case json_type_string: return WRN_JSON_STRING;
    case json_type_array: return WRN_JSON_ARRAY;
    case json_type_object: return WRN_JSON_OBJECT;
    default: return WRN_JSON_NULL;
    }
}

const wrn_json *wrn_json_get(const wrn_json *object, const char *key) {
    json_object *value = NULL;
    if (wrn_json_type_of(object) == WRN_JSON_OBJECT) json_object_object_get_ex(json_mut(object), key, &value);
    return value;
}

bool wrn_json_has(const wrn_json *object, const char *key) {
    return wrn_json_type_of(object) == WRN_JSON_OBJECT && json_object_object_get_ex(json_mut(object), key, NULL);
}

const char *wrn_json_string(const wrn_json *value, size_t *size) {
    if (wrn_json_type_of(value) != WRN_JSON_STRING) return NULL;
    if (size) *size = (size_t)json_object_get_string_len(json_mut(value));
    return json_object_get_string(json_mut(value));
}

const char *wrn_json_text(const wrn_json *object, const char *key) {
    return wrn_json_string(wrn_json_get(object, key), NULL);
}

bool wrn_json_int(const wrn_json *value, int64_t *out) {
    if (wrn_json_type_of(value) != WRN_JSON_INT) return false;
    *out = json_object_get_int64(json_mut(value));
    /* json-c clamps at the ends of the range; only its unsigned view tells a clamped maximum from a real one. */
    if (*out == INT64_MAX && json_object_get_uint64(json_mut(value)) > (uint64_t)INT64_MAX) return false;
    return true;
}

bool wrn_json_double(const wrn_json *value, double *out) {
    wrn_json_type type = wrn_json_type_of(value);
    if (type != WRN_JSON_INT && type != WRN_JSON_DOUBLE) return false;
    *out = json_object_get_double(json_mut(value));
    return isfinite(*out);
}

bool wrn_json_bool(const wrn_json *value, bool *out) {
    if (wrn_json_type_of(value) != WRN_JSON_BOOL) return false;
    *out = json_object_get_boolean(json_mut(value));
    return true;
}

size_t wrn_json_count(const wrn_json *array) {
    return wrn_json_type_of(array) == WRN_JSON_ARRAY ? json_object_array_length(json_mut(array)) : 0;
}

const wrn_json *wrn_json_at(const wrn_json *array, size_t index) {
    return index < wrn_json_count(array) ? json_object_array_get_idx(json_mut(array), index) : NULL;
}

size_t wrn_json_members(const wrn_json *object) {
    return wrn_json_type_of(object) == WRN_JSON_OBJECT ? (size_t)json_object_object_length(json_mut(object)) : 0;
}

bool wrn_json_each(const wrn_json *object, wrn_json_member_fn each, void *context) {
    if (wrn_json_type_of(object) != WRN_JSON_OBJECT) return true;
    json_object_object_foreach(json_mut(object), key, value) {
        if (!each(context, key, value)) return false;
    }
    return true;
}

wrn_json *wrn_json_new_object(void) { return json_object_new_object(); }
wrn_json *wrn_json_new_array(void) { return json_object_new_array(); }
wrn_json *wrn_json_new_int(int64_t value) { return json_object_new_int64(value); }
wrn_json *wrn_json_new_double(double value) { return json_object_new_double(value); }
wrn_json *wrn_json_new_bool(bool value) { return json_object_new_boolean(value); }
wrn_json *wrn_json_ref(const wrn_json *value) { return json_object_get(json_mut(value)); }

wrn_json *wrn_json_new_string(const char *text, size_t size) {
    return size > INT_MAX ? NULL : json_object_new_string_len(text, (int)size);
}

bool wrn_json_set(wrn_json *object, const char *key, wrn_json *value) {
    if (object && value && json_object_object_add(object, key, value) == 0) return true;
    json_object_put(value);
    return false;
}

bool wrn_json_set_null(wrn_json *object, const char *key) {
    return object && json_object_object_add(object, key, NULL) == 0;
}

bool wrn_json_set_string(wrn_json *object, const char *key, const char *text) {
    return wrn_json_set(object, key, wrn_json_new_string(text, strlen(text)));
}

bool wrn_json_set_int(wrn_json *object, const char *key, int64_t value) {
    return wrn_json_set(object, key, wrn_json_new_int(value));
}

bool wrn_json_set_bool(wrn_json *object, const char *key, bool value) {
    return wrn_json_set(object, key, wrn_json_new_bool(value));
}

bool wrn_json_append(wrn_json *array, wrn_json *value) {
    if (array && value && json_object_array_add(array, value) == 0) return true;
    json_object_put(value);
    return false;
}

bool wrn_json_append_string(wrn_json *array, const char *text) {
    return wrn_json_append(array, wrn_json_new_string(text, strlen(text)));
}

wrn_json *wrn_json_new_strings(const char *const *texts, size_t count) {
    wrn_json *array = wrn_json_new_array();
    bool ok = array != NULL;
    for (size_t i = 0; ok && i < count; i++) ok = wrn_json_append_string(array, texts[i]);
    if (ok) return array;
    wrn_json_free(array);
    return NULL;
}

void wrn_json_write(const wrn_json *value, wrn_buf *out) {
    size_t size = 0;
    const char *text = json_object_to_json_string_length(
        json_mut(value), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
    if (text) wrn_buf_put(out, text, size);
    else out->failed = true;
}

void wrn_json_write_string(const char *text, wrn_buf *out) {
    WRN_AUTO(wrn_json_freep) wrn_json *value = wrn_json_new_string(text, strlen(text));
    if (value) wrn_json_write(value, out);
    else out->failed = true;
}
