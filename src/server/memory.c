/* wrennd aborts when it runs out of memory, and the sandboxes wait for the next start, as after any crash. To go on would
 * mean to lose something silently. So no code of the server checks for it.
 *
 * The linker redirects all calls in our own code here (see meson.build). Other libraries report errors in their own way;
 * libwrenn, which is part of other people's programs, returns errors. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);

static void require(bool ok) {
    static const char text[] = "wrennd: out of memory; it ends, and the sandboxes wait for the next start\n";
    if (ok) return;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) abort();
    abort();
}

static void *check(void *got, bool wanted) {
    require(got || !wanted);
    return got;
}

void *__wrap_malloc(size_t size) { return check(__real_malloc(size), size); }
void *__wrap_calloc(size_t count, size_t size) { return check(__real_calloc(count, size), count && size); }
void *__wrap_realloc(void *old, size_t size) { return check(__real_realloc(old, size), size); }
char *__wrap_strdup(const char *text) { return check(__real_strdup(text), true); }
char *__wrap_strndup(const char *text, size_t size) { return check(__real_strndup(text, size), true); }

/* base/json reports failures of json-c. */
wrn_json *__real_wrn_json_new_object(void);
wrn_json *__real_wrn_json_new_array(void);
wrn_json *__real_wrn_json_new_string(const char *text, size_t size);
wrn_json *__real_wrn_json_new_int(int64_t value);
wrn_json *__real_wrn_json_new_double(double value);
wrn_json *__real_wrn_json_new_bool(bool value);
bool __real_wrn_json_set(wrn_json *object, const char *key, wrn_json *value);
bool __real_wrn_json_set_string(wrn_json *object, const char *key, const char *text);
bool __real_wrn_json_set_int(wrn_json *object, const char *key, int64_t value);
bool __real_wrn_json_set_bool(wrn_json *object, const char *key, bool value);
bool __real_wrn_json_append(wrn_json *array, wrn_json *value);
void __real_wrn_json_write(const wrn_json *value, wrn_buf *out);

wrn_json *__wrap_wrn_json_new_object(void) { return check(__real_wrn_json_new_object(), true); }
wrn_json *__wrap_wrn_json_new_array(void) { return check(__real_wrn_json_new_array(), true); }
wrn_json *__wrap_wrn_json_new_string(const char *text, size_t size) {
    return check(__real_wrn_json_new_string(text, size), true);
}
wrn_json *__wrap_wrn_json_new_int(int64_t value) { return check(__real_wrn_json_new_int(value), true); }
wrn_json *__wrap_wrn_json_new_double(double value) { return check(__real_wrn_json_new_double(value), true); }
wrn_json *__wrap_wrn_json_new_bool(bool value) { return check(__real_wrn_json_new_bool(value), true); }

/* `possible`: only missing memory can make it fail. */
static bool done(bool ok, bool possible) {
    require(ok || !possible);
    return ok;
}

bool __wrap_wrn_json_set(wrn_json *object, const char *key, wrn_json *value) {
    bool possible = object && value;
    return done(__real_wrn_json_set(object, key, value), possible);
}

bool __wrap_wrn_json_set_string(wrn_json *object, const char *key, const char *text) {
    return done(__real_wrn_json_set_string(object, key, text), object && text);
}

bool __wrap_wrn_json_set_int(wrn_json *object, const char *key, int64_t value) {
    return done(__real_wrn_json_set_int(object, key, value), object);
}

bool __wrap_wrn_json_set_bool(wrn_json *object, const char *key, bool value) {
    return done(__real_wrn_json_set_bool(object, key, value), object);
}

bool __wrap_wrn_json_append(wrn_json *array, wrn_json *value) {
    bool possible = array && value;
    return done(__real_wrn_json_append(array, value), possible);
}

void __wrap_wrn_json_write(const wrn_json *value, wrn_buf *out) {
    bool possible = !out->failed && !out->limit;
    __real_wrn_json_write(value, out);
    require(!out->failed || !possible);
}
