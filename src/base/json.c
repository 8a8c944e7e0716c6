#include "base/json.h"

#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

/* Characters of one number by the grammar of RFC 8259 section 6; 0 if there is none. */
static size_t number_length(const char *text, size_t size) {
    size_t i = 0;
    #define DIGIT (i < size && text[i] >= '0' && text[i] <= '9')
    if (i < size && text[i] == '-') i++;
    if (!DIGIT) return 0;
    if (text[i++] == '0' && DIGIT) return 0;
    while (DIGIT) i++;
    if (i < size && text[i] == '.') {
        i++;
        if (!DIGIT) return 0;
        while (DIGIT) i++;
    }
    if (i < size && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < size && (text[i] == '+' || text[i] == '-')) i++;
        if (!DIGIT) return 0;
        while (DIGIT) i++;
    }
    #undef DIGIT
    return i;
}

/* json-c's strict mode still takes NaN, Infinity, single quotes, raw control characters, "1." and "00" (seen with
 * 0.16). It has accepted the text already, so only those need a look. */
static bool looks_strict(const char *text, size_t size) {
    for (size_t i = 0; i < size;) {
        char c = text[i];
        if (c == '"') {
            for (i++; i < size && text[i] != '"'; i += text[i] == '\\' ? 2 : 1)
                if ((unsigned char)text[i] < 0x20) return false;
            i++;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            size_t length = number_length(text + i, size - i);
            if (!length) return false;
            i += length;
        } else if (!c || strchr("'NIiTF", c)) {
            return false;
        } else {
            i++;
        }
    }
    return true;
}

static bool parse(const char *text, size_t size, int flags, wrn_json **out, const char **why) {
    *out = NULL;
    if (size > INT_MAX) return *why = "text is too large", false;
    json_tokener *tokener = json_tokener_new_ex(WRN_JSON_DEPTH_MAX);
    if (!tokener) return *why = "out of memory", false;
    json_tokener_set_flags(tokener, flags);
    wrn_json *root = json_tokener_parse_ex(tokener, text, (int)size);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    /* A number or literal at the very end of the text is only known to be whole once a separator follows. */
    if (error == json_tokener_continue && size) {
        root = json_tokener_parse_ex(tokener, " ", 1);
        error = json_tokener_get_error(tokener);
        end = size;
    }
    json_tokener_free(tokener);
    size_t used = flags & JSON_TOKENER_ALLOW_TRAILING_CHARS && end < size ? end : size;
    /* Not by JSON_TOKENER_VALIDATE_UTF8: json-c 0.18 (Debian 13) takes every character beyond ASCII for broken with it. */
    bool is_utf8 = wrn_utf8_valid_prefix(text, used) == used;
    if (error == json_tokener_success && is_utf8 && looks_strict(text, used)) {
        *out = root;
        return true;
    }
    json_object_put(root);
    *why = !size                               ? "text is empty"
           : error == json_tokener_error_depth ? "nested too deeply"
           : error == json_tokener_continue    ? "text ends too early"
           : !is_utf8                          ? "not valid UTF-8"
                                               : "not valid JSON";
    return false;
}

bool wrn_json_parse(const char *text, size_t size, wrn_json **out, const char **why) {
    return parse(text, size, JSON_TOKENER_STRICT, out, why);
}

bool wrn_json_parse_first(const char *text, size_t size, wrn_json **out, const char **why) {
    return parse(text, size, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS, out, why);
}

void wrn_json_free(wrn_json *root) { json_object_put(root); }
void wrn_json_freep(wrn_json **root) { wrn_json_free(*root); }

/* json-c is not const-correct; reading never changes a value. */
static json_object *mut(const wrn_json *value) { return (json_object *)(uintptr_t)value; }

wrn_json_type wrn_json_type_of(const wrn_json *value) {
    switch (json_object_get_type(mut(value))) {
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
    if (wrn_json_type_of(object) == WRN_JSON_OBJECT) json_object_object_get_ex(mut(object), key, &value);
    return value;
}

bool wrn_json_has(const wrn_json *object, const char *key) {
    return wrn_json_type_of(object) == WRN_JSON_OBJECT && json_object_object_get_ex(mut(object), key, NULL);
}

const char *wrn_json_string(const wrn_json *value, size_t *size) {
    if (wrn_json_type_of(value) != WRN_JSON_STRING) return NULL;
    if (size) *size = (size_t)json_object_get_string_len(mut(value));
    return json_object_get_string(mut(value));
}

bool wrn_json_int(const wrn_json *value, int64_t *out) {
    if (wrn_json_type_of(value) != WRN_JSON_INT) return false;
    *out = json_object_get_int64(mut(value));
    /* json-c clamps at the ends of the range; only its unsigned view tells a clamped maximum from a real one. */
    if (*out == INT64_MAX && json_object_get_uint64(mut(value)) > (uint64_t)INT64_MAX) return false;
    return true;
}

bool wrn_json_double(const wrn_json *value, double *out) {
    wrn_json_type type = wrn_json_type_of(value);
    if (type != WRN_JSON_INT && type != WRN_JSON_DOUBLE) return false;
    *out = json_object_get_double(mut(value));
    return isfinite(*out);
}

bool wrn_json_bool(const wrn_json *value, bool *out) {
    if (wrn_json_type_of(value) != WRN_JSON_BOOL) return false;
    *out = json_object_get_boolean(mut(value));
    return true;
}

size_t wrn_json_count(const wrn_json *array) {
    return wrn_json_type_of(array) == WRN_JSON_ARRAY ? json_object_array_length(mut(array)) : 0;
}

const wrn_json *wrn_json_at(const wrn_json *array, size_t index) {
    return index < wrn_json_count(array) ? json_object_array_get_idx(mut(array), index) : NULL;
}

bool wrn_json_each(const wrn_json *object, wrn_json_member_fn each, void *context) {
    if (wrn_json_type_of(object) != WRN_JSON_OBJECT) return true;
    json_object_object_foreach(mut(object), key, value) {
        if (!each(context, key, value)) return false;
    }
    return true;
}

wrn_json *wrn_json_new_object(void) { return json_object_new_object(); }
wrn_json *wrn_json_new_array(void) { return json_object_new_array(); }
wrn_json *wrn_json_new_int(int64_t value) { return json_object_new_int64(value); }
wrn_json *wrn_json_new_double(double value) { return json_object_new_double(value); }
wrn_json *wrn_json_new_bool(bool value) { return json_object_new_boolean(value); }
wrn_json *wrn_json_ref(const wrn_json *value) { return json_object_get(mut(value)); }

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

void wrn_json_write(const wrn_json *value, wrn_buf *out) {
    size_t size = 0;
    const char *text = json_object_to_json_string_length(
        mut(value), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
    if (text) wrn_buf_put(out, text, size);
    else out->failed = true;
}
