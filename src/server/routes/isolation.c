#include "server/routes/isolation.h"

#include <string.h>

static bool text_is(const wrn_json *value, const char *want) {
    const char *text = wrn_json_string(value, NULL);
    return text && strcmp(text, want) == 0;
}

static bool is_enforced(const wrn_json *isolation, const char *limit) {
    return text_is(wrn_json_get(wrn_json_get(isolation, "limits"), limit), "enforced");
}

/* Whether the member of that name, '_' for '-', is true or a text that affirms it. */
static bool member_holds(const wrn_json *isolation, const char *word) {
    char name[64];
    size_t size = strlen(word);
    if (size >= sizeof(name)) return false;
    for (size_t i = 0; i <= size; i++) name[i] = (char)(word[i] == '-' ? '_' : word[i]);
    const wrn_json *value = wrn_json_get(isolation, name);
    bool truth = false;
    if (wrn_json_bool(value, &truth)) return truth;
    return wrn_json_string(value, NULL) && !text_is(value, "") && !text_is(value, "none") && !text_is(value, "off") &&
           !text_is(value, "unenforced");
}

bool wrn_isolation_has(const wrn_json *isolation, const char *word) {
    static const struct {
        const char *word, *limit;
    } limits[] = {{"memory-limit", "memory"}, {"cpu-limit", "cpu"}, {"pids-limit", "pids"}};
    bool all = true;
    for (size_t i = 0; i < WRN_COUNT(limits); i++) {
        bool enforced = is_enforced(isolation, limits[i].limit);
        if (strcmp(limits[i].word, word) == 0) return enforced;
        all = all && enforced;
    }
    if (strcmp(word, "cgroup-limits") == 0) return all;
    if (strcmp(word, "disk-limit") == 0) return text_is(wrn_json_get(isolation, "disk"), "limited");
    if (strcmp(word, "no-network") == 0) return text_is(wrn_json_get(isolation, "network"), "none");
    return member_holds(isolation, word);
}

bool wrn_isolation_missing(const wrn_json *isolation, const wrn_json *required, wrn_buf *missing) {
    if (wrn_json_type_of(required) != WRN_JSON_ARRAY) return false;
    for (size_t i = 0; i < wrn_json_count(required); i++) {
        const char *word = wrn_json_string(wrn_json_at(required, i), NULL);
        if (!word) return false;
        if (!wrn_isolation_has(isolation, word)) wrn_buf_printf(missing, "%s%s", missing->size ? ", " : "", word);
    }
    return true;
}

static bool copy_member(void *copy, const char *key, const wrn_json *value) {
    return wrn_json_set(copy, key, wrn_json_ref(value));
}

wrn_json *wrn_isolation_with(const wrn_json *isolation, const char *egress) {
    if (!*egress || strcmp(egress, "none") == 0) return wrn_json_ref(isolation);
    wrn_json *copy = wrn_json_new_object();
    wrn_json_each(isolation, copy_member, copy);
    wrn_json_set_string(copy, "network", strcmp(egress, "allowlist") == 0 ? "filtered" : egress);
    return copy;
}
