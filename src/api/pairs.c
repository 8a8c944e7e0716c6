#include "api/pairs.h"

#include <string.h>

#include "client/arguments.h"
#include "client/error.h"

static int read_pair(wrn_arena *arena, const char *what, const char *member, const char *text, size_t number,
                     wrn_pair *pair, wrenn_error **error) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return wrn_refuse(error, "%s: %s[%zu] is not of the form NAME=value", what, member, number);
    pair->key = wrn_arena_dup(arena, text, (size_t)(equals - text));
    pair->value = equals + 1;
    return pair->key ? 0 : wrn_no_memory(error, what);
}

int wrn_pairs_read(wrn_arena *arena, const char *what, const char *member, const char *const *texts, size_t room,
                   const wrn_pair ***pairs, size_t *count, wrenn_error **error) {
    *count = wrn_count_texts(texts);
    *pairs = NULL;
    if (!*count && !room) return 0;
    if (*count > WRN_PAIRS_MAX) return wrn_refuse(error, "%s: more than %d in %s", what, WRN_PAIRS_MAX, member);
    const wrn_pair **pointers = wrn_arena_alloc(arena, (*count + room) * sizeof(*pointers));
    wrn_pair *all = wrn_arena_alloc(arena, (*count + 1) * sizeof(*all));
    if (!pointers || !all) return wrn_no_memory(error, what);
    int rc = 0;
    for (size_t i = 0; i < *count && rc == 0; i++) {
        pointers[i] = &all[i];
        rc = read_pair(arena, what, member, texts[i], i, &all[i], error);
    }
    *pairs = pointers;
    return rc;
}
