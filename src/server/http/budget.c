#include "server/http/budget.h"

#include <stdint.h>

static size_t all = SIZE_MAX, taken;

void wrn_budget_set(size_t bytes) { all = bytes; }

bool wrn_budget_take(size_t bytes) {
    if (bytes > all - taken) return false;
    taken += bytes;
    return true;
}

void wrn_budget_give(size_t bytes) { taken -= bytes; }
