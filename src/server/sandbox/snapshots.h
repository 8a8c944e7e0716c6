/* Snapshots of sandboxes, which are templates of their team.
 *
 * One is made of a frozen sandbox: a running one is paused for it and stays so, as the API says. Its files are whole before
 * its record is written; a name changes hands in the record, so that one that is replaced is there until then. */
#ifndef WRN_SERVER_SANDBOX_SNAPSHOTS_H
#define WRN_SERVER_SANDBOX_SNAPSHOTS_H

#include "server/sandbox/sandboxes.h"

/* `row` on success, else `fault`; both valid during the call only. */
typedef void (*wrn_snapshot_done_fn)(void *context, const wrn_snapshot_row *row, const wrn_fault *fault);

/* Whether the name can be given: neither reserved nor, unless `overwrite`, taken. */
bool wrn_snapshots_is_free(wrn_sandboxes *all, const char *team_id, const char *name, bool overwrite, wrn_fault *fault);
/* `of` is what the caller has read from the store. `done` comes once, from the loop or from inside the call. */
void wrn_snapshots_create(wrn_sandboxes *all, const wrn_sandbox_row *of, const char *name, bool overwrite,
                          wrn_snapshot_done_fn done, void *context);
/* Sandboxes that were made from it live on; its files go with the last of them. */
bool wrn_snapshots_remove(wrn_sandboxes *all, const char *team_id, const char *name, wrn_fault *fault);
/* Removes files that no record knows. */
void wrn_snapshots_recover(wrn_sandboxes *all);

#endif
