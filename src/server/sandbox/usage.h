/* Load and usage of teams.
 *
 * The load of a team is how many of its sandboxes run and what they reserve. It is recorded when it changes, so that no
 * peak is too short to be seen: in buckets of several widths, each with its first, highest and last load. Buckets in which
 * nothing changed are not stored. Usage is load times duration, by day. */
#pragma once

#include "server/sandbox/sandboxes.h"

enum { WRN_LOADS_MAX = 120 };

/* The highest load in each bucket of a range; the last bucket is the current one. */
typedef struct wrn_loads {
    int64_t start, width; /* of the first bucket, in Unix seconds */
    size_t count;
    wrn_load max[WRN_LOADS_MAX];
    wrn_load now;
} wrn_loads;

struct sandbox;

/* The sandbox has left the state `before`. */
void wrn_usage_entered(struct sandbox *s, wrn_state before);
/* Records the usage since the last record. */
wrn_db wrn_usage_record(struct sandbox *s);
/* Records the load of a team after a change. */
void wrn_usage_record_load(wrn_store *store, const char *team_id);

/* Raises each member to that of `other`. */
void wrn_load_raise(wrn_load *load, const wrn_load *other);
/* `range` is 5m, 1h, 6h, 24h or 30d; WRN_DB_NONE for any other. */
wrn_db wrn_usage_read_loads(wrn_store *store, const char *team_id, const char *range, wrn_loads *out);
/* The days with any usage, `from` and `to` included; days count from 1970-01-01. */
wrn_db wrn_usage_read_days(wrn_sandboxes *all, const char *team_id, int64_t from, int64_t to, wrn_usage_fn each,
                           void *context);
