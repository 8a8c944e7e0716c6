/* One memory budget for everything that callers make wrennd hold: bodies, output of commands, uploads, messages, and what
 * they are parsed into. Each has its own limit, but many are held at once. When it is spent, requests get "overloaded". */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Before anything is taken. Not called: no limit. */
void wrn_budget_set(size_t bytes);
/* From the loop only. */
bool wrn_budget_take(size_t bytes);
void wrn_budget_give(size_t bytes);
/* Changes *charged to what is due for holding `bytes`. False, and no change, when the budget is spent. */
bool wrn_budget_charge(size_t *charged, size_t bytes);

/* What one request or message may hold free of charge, so that small ones go on when the budget is spent. */
enum { WRN_BUDGET_FREE = 64 * 1024 };

#define WRN_BUDGET_SPENT "the server's memory for requests is in use (--max-held-mb); try again"
