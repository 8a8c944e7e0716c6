/* One budget for all that callers make wrennd hold: bodies, output of commands, uploads, messages, and what parsing makes of
 * them. Each of them has limits of its own, but many are under way at once. Who gets nothing any more is told to come back. */
#ifndef WRN_SERVER_HTTP_BUDGET_H
#define WRN_SERVER_HTTP_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

/* Before anything is taken; without it there is no limit. */
void wrn_budget_set(size_t bytes);
/* From the loop only. */
bool wrn_budget_take(size_t bytes);
void wrn_budget_give(size_t bytes);

/* What one request or message may take without asking, so that small ones go on when it is spent. */
enum { WRN_BUDGET_FREE = 64 * 1024 };

#define WRN_BUDGET_SPENT "wrennd holds as much for its callers as it may; try again"

#endif
