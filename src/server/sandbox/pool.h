/* Boxes that are made ahead of their use, each like the last sandbox: a create takes one, and has nothing to wait for. Until then
 * a spare stands still. It has no record, and nobody sees it; its memory counts, but it makes room for sandboxes; and it ends with
 * wrennd. */
#pragma once

#include "server/sandbox/sandboxes.h"

typedef struct wrn_pool wrn_pool;
typedef struct wrn_spare wrn_spare;
struct sandbox;

wrn_pool *wrn_pool_new(wrn_sandboxes *all);
/* A sandbox like this one is being made, and there may be others like it soon. */
void wrn_pool_note(wrn_pool *pool, const wrn_sandbox_row *like);
/* Makes spares like that, one at a time, while there are too few and there is room. */
void wrn_pool_fill(wrn_pool *pool);
/* There is a sandbox more: ends spares for which there is no room any more. */
void wrn_pool_yield(wrn_pool *pool);
/* The id of one that is as a sandbox is to be; "": there is none. */
void wrn_pool_offer(wrn_pool *pool, const wrn_sandbox_row *like, char id[WRN_ID_SIZE]);
/* Takes the one that was offered just now; NULL: there is none of that id. */
wrn_spare *wrn_pool_take(wrn_pool *pool, const char *id);
/* Gives its box to the sandbox of that id, with its network policy: wrn_sandbox_given() or wrn_sandbox_make_plain() follows. */
void wrn_pool_give(wrn_spare *spare, struct sandbox *to, const char *network);
/* Ends one that was taken, but is not given. */
void wrn_pool_drop(wrn_spare *spare);
/* Ends all; wrn_sandbox_check_stopped() is called when the pool is empty. */
void wrn_pool_stop(wrn_pool *pool);
bool wrn_pool_is_empty(const wrn_pool *pool);
void wrn_pool_free(wrn_pool *pool);
