#include "gate/presets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define X(name) extern const char wrn_preset_##name[];
WRN_PRESETS(X)
#undef X

#define X(name) #name,
const char *const wrn_preset_names[] = {WRN_PRESETS(X) NULL};
#undef X

#define X(name) wrn_preset_##name,
static const char *const texts[] = {WRN_PRESETS(X)};
#undef X

/* The rule on a line, without what follows it; its size is 0 on lines without one. */
static const char *rule_of(const char *line, size_t *size) {
    line += strspn(line, " \t");
    *size = strcspn(line, " \t#\n");
    return line;
}

static char **read_rules(const char *text) {
    size_t count = 0, size;
    for (const char *at = text; *at; at++) count += *at == '\n';
    char **rules = calloc(count + 2, sizeof(*rules));
    if (!rules) return NULL;
    count = 0;
    for (const char *line = text; *line; line += *line == '\n') {
        const char *rule = rule_of(line, &size);
        if (size && !(rules[count++] = strndup(rule, size))) {
            wrn_preset_free(rules);
            errno = ENOMEM;
            return NULL;
        }
        line += strcspn(line, "\n");
    }
    return rules;
}

char **wrn_preset_rules(const char *name) {
    for (size_t i = 0; wrn_preset_names[i]; i++)
        if (strcmp(name, wrn_preset_names[i]) == 0) return read_rules(texts[i]);
    errno = ENOENT;
    return NULL;
}

void wrn_preset_free(char **rules) {
    for (size_t i = 0; rules && rules[i]; i++) free(rules[i]);
    free(rules);
}
