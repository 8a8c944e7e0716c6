#include <string.h>

#include "server/backend/backend.h"

static const char *const names[] = {"any", "namespace", "vm"};

int wrn_level_of(const char *name) {
    for (int i = 0; name && i < (int)WRN_COUNT(names); i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

const char *wrn_level_name(int64_t level) { return names[level]; }
