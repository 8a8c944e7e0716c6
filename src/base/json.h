/* JSON: a thin seam over json-c, so that nothing else sees that library.
 *
 * Parsing is strict RFC 8259: no comments, NaN or single quotes, valid UTF-8, bounded depth. Strings carry their
 * length, because JSON strings may hold NUL. Integers are exact over the range of int64_t; larger ones count as
 * "out of range", smaller ones (json-c does not tell) as INT64_MIN. Values returned by getters are borrowed from their root. */
#pragma once

#include "base/buf.h"

typedef struct json_object wrn_json;

enum { WRN_JSON_DEPTH_MAX = 32 };

typedef enum wrn_json_type {
    WRN_JSON_NULL,
    WRN_JSON_BOOL,
    WRN_JSON_INT,
    WRN_JSON_DOUBLE,
    WRN_JSON_STRING,
    WRN_JSON_ARRAY,
    WRN_JSON_OBJECT
} wrn_json_type;

/* One whole JSON text; blank space may follow. False with `*why` (a constant) when it is not JSON.
 * The literal null gives true and *out == NULL. */
bool wrn_json_parse(const char *text, size_t size, wrn_json **out, const char **why);
/* The same for untrusted text: fails when there are more than `values_max` values, because values take far more memory and
 * time than their text. */
bool wrn_json_parse_within(const char *text, size_t size, size_t values_max, wrn_json **out, const char **why);
/* The same, but ignores what follows the first value, as the API requires of a server. */
bool wrn_json_parse_first(const char *text, size_t size, size_t values_max, wrn_json **out, const char **why);
void wrn_json_free(wrn_json *root);
void wrn_json_freep(wrn_json **root);

wrn_json_type wrn_json_type_of(const wrn_json *value);
/* The member of an object, NULL when absent, null, or not an object. */
const wrn_json *wrn_json_get(const wrn_json *object, const char *key);
bool wrn_json_has(const wrn_json *object, const char *key);
/* The text of a string, NULL for other types. `size` may be NULL. */
const char *wrn_json_string(const wrn_json *value, size_t *size);
/* The text of that member of an object; NULL when it is absent or no string. */
const char *wrn_json_text(const wrn_json *object, const char *key);
/* False for other types and for integers outside int64_t. */
bool wrn_json_int(const wrn_json *value, int64_t *out);
/* Integers and fractions. */
bool wrn_json_double(const wrn_json *value, double *out);
bool wrn_json_bool(const wrn_json *value, bool *out);
size_t wrn_json_count(const wrn_json *array);
const wrn_json *wrn_json_at(const wrn_json *array, size_t index);
/* How many members an object has; 0 for other types. */
size_t wrn_json_members(const wrn_json *object);
/* Calls `each` for every member in order until it returns false; false if one did. */
typedef bool (*wrn_json_member_fn)(void *context, const char *key, const wrn_json *value);
bool wrn_json_each(const wrn_json *object, wrn_json_member_fn each, void *context);

/* Building. Constructors give NULL when out of memory; setters take ownership of `value`, and fail (false) when the
 * parent or value is NULL, so a chain is checked once at its end by wrn_json_write(). */
wrn_json *wrn_json_new_object(void);
wrn_json *wrn_json_new_array(void);
wrn_json *wrn_json_new_string(const char *text, size_t size);
/* An array of `count` strings. */
wrn_json *wrn_json_new_strings(const char *const *texts, size_t count);
wrn_json *wrn_json_new_int(int64_t value);
wrn_json *wrn_json_new_double(double value);
wrn_json *wrn_json_new_bool(bool value);
/* A second owner of `value`. */
wrn_json *wrn_json_ref(const wrn_json *value);
bool wrn_json_set(wrn_json *object, const char *key, wrn_json *value);
bool wrn_json_set_null(wrn_json *object, const char *key);
bool wrn_json_set_string(wrn_json *object, const char *key, const char *text);
bool wrn_json_set_int(wrn_json *object, const char *key, int64_t value);
bool wrn_json_set_bool(wrn_json *object, const char *key, bool value);
bool wrn_json_append(wrn_json *array, wrn_json *value);
bool wrn_json_append_string(wrn_json *array, const char *text);
/* Appends the compact text. */
void wrn_json_write(const wrn_json *value, wrn_buf *out);
/* Appends a string, in quotes. */
void wrn_json_write_string(const char *text, wrn_buf *out);
