#include "api/pairs.h"

#include <string.h>

static int read_pair(wrenn_op *op, const char *member, const char *text, size_t number, wrn_pair *pair,
                     wrenn_error **error) {
    size_t name = strcspn(text, "=");
    if (!name || !text[name])
        return wrn_refuse(error, "%s: %s[%zu] is not of the form NAME=value", op->type->name, member, number);
    char *copy = wrn_arena_dup(&op->arena, text, strlen(text));
    if (!copy) return wrn_no_memory(error, op->type->name);
    copy[name] = '\0';
    *pair = (wrn_pair){copy, copy + name + 1};
    return 0;
}

int wrn_pairs_read(wrenn_op *op, const char *member, const char *const *texts, const wrn_pair *default_pair,
                   const wrn_pair *const **pairs, size_t *count, wrenn_error **error) {
    const char *what = op->type->name;
    size_t given = *count = wrn_count_texts(texts);
    if (!given && !default_pair) return 0;
    if (given > WRN_PAIRS_MAX) return wrn_refuse(error, "%s: more than %d in %s", what, WRN_PAIRS_MAX, member);
    const wrn_pair **pointers = wrn_arena_alloc(&op->arena, (given + 1) * sizeof(*pointers));
    wrn_pair *all = wrn_arena_alloc(&op->arena, (given + 1) * sizeof(*all));
    if (!pointers || !all) return wrn_no_memory(error, what);
    *pairs = pointers;
    for (size_t i = 0; i < given; i++) {
        int rc = read_pair(op, member, texts[i], i, &all[i], error);
        if (rc != 0) return rc;
        pointers[i] = &all[i];
        if (default_pair && strcmp(all[i].key, default_pair->key) == 0) default_pair = NULL;
    }
    if (default_pair) pointers[(*count)++] = default_pair;
    return 0;
}
