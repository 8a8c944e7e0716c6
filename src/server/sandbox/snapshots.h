/* Snapshots of sandboxes, which are templates of their team.
 *
 * A snapshot is made of a frozen sandbox: a running one is paused for it and stays paused, as the API says. Its files are
 * complete before its record is stored, and storing the record also replaces the snapshot that had the name. */
#pragma once

#include "server/sandbox/sandboxes.h"

/* `row` on success, else `fault`; both valid during the call only. */
typedef void (*wrn_snapshot_done_fn)(void *context, const wrn_snapshot_row *row, const wrn_fault *fault);

/* Whether the name is neither reserved nor, unless `overwrite`, taken. False with a fault. */
bool wrn_snapshots_is_free(wrn_sandboxes *all, const char *team_id, const char *name, bool overwrite, wrn_fault *fault);
/* `of`: as read from the store. `done` is called once, from the loop or from inside. */
void wrn_snapshots_create(wrn_sandboxes *all, const wrn_sandbox_row *of, const char *name, bool overwrite,
                          wrn_snapshot_done_fn done, void *context);
/* Sandboxes made from it live on; its files are removed with the last of them. */
bool wrn_snapshots_remove(wrn_sandboxes *all, const char *team_id, const char *name, wrn_fault *fault);
/* The least level of isolation that sandboxes made from the template of that name need; 0: any, or there is none of that name. */
int64_t wrn_snapshots_level(wrn_sandboxes *all, const char *team_id, const char *name);
/* Removes files without a record. */
void wrn_snapshots_recover(wrn_sandboxes *all);
