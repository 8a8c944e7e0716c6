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

bool wrn_budget_charge(size_t *charged, size_t bytes) {
    size_t due = bytes <= WRN_BUDGET_FREE ? 0 : bytes;
    if (due > *charged && !wrn_budget_take(due - *charged)) return false;
    if (due < *charged) wrn_budget_give(*charged - due);
    *charged = due;
    return true;
}
