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

static void *checked(void *got, bool wanted) {
    require(got || !wanted);
    return got;
}

void *__wrap_malloc(size_t size) { return checked(__real_malloc(size), size); }
void *__wrap_calloc(size_t count, size_t size) { return checked(__real_calloc(count, size), count && size); }
void *__wrap_realloc(void *old, size_t size) { return checked(__real_realloc(old, size), size); }
char *__wrap_strdup(const char *text) { return checked(__real_strdup(text), true); }
char *__wrap_strndup(const char *text, size_t size) { return checked(__real_strndup(text, size), true); }

/* base/json reports failures of json-c. NEW: a constructor; SET: a setter, which may also fail for want of its parent or value. */
#define NEW(name, parameters, ...)               \
    wrn_json *__real_wrn_json_##name parameters; \
    wrn_json *__wrap_wrn_json_##name parameters { return checked(__real_wrn_json_##name(__VA_ARGS__), true); }
#define SET(name, parameters, possible, ...)             \
    bool __real_wrn_json_##name parameters;              \
    bool __wrap_wrn_json_##name parameters {             \
        bool can_do = possible;                          \
        bool done = __real_wrn_json_##name(__VA_ARGS__); \
        require(done || !can_do);                        \
        return done;                                     \
    }

NEW(new_object, (void))
NEW(new_array, (void))
NEW(new_string, (const char *text, size_t size), text, size)
NEW(new_strings, (const char *const *texts, size_t count), texts, count)
NEW(new_int, (int64_t value), value)
NEW(new_double, (double value), value)
NEW(new_bool, (bool value), value)
SET(set, (wrn_json * object, const char *key, wrn_json *value), object &&value, object, key, value)
SET(set_string, (wrn_json * object, const char *key, const char *text), object &&text, object, key, text)
SET(set_int, (wrn_json * object, const char *key, int64_t value), object, object, key, value)
SET(set_bool, (wrn_json * object, const char *key, bool value), object, object, key, value)
SET(append, (wrn_json * array, wrn_json *value), array &&value, array, value)
SET(append_string, (wrn_json * array, const char *text), array, array, text)

void __real_wrn_json_write(const wrn_json *value, wrn_buf *out);

void __wrap_wrn_json_write(const wrn_json *value, wrn_buf *out) {
    bool possible = !out->failed && !out->limit;
    __real_wrn_json_write(value, out);
    require(!out->failed || !possible);
}
