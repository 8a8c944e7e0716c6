/* What teams have running, and what that adds up to.
 *
 * The load of a team, which is how many of its sandboxes run and what they reserve, is written down when it changes, so
 * that nothing is too short to be seen: in buckets of several widths, each with what it began with, its highest and what
 * it ended with. Buckets in which nothing changed are not there. Usage is the load times its duration, by day. */
#ifndef WRN_SERVER_SANDBOX_USAGE_H
#define WRN_SERVER_SANDBOX_USAGE_H

#include "server/sandbox/sandboxes.h"

enum { WRN_LOADS_MAX = 120 };

/* The highest loads of a range, bucket by bucket; the last one is of now. */
typedef struct wrn_loads {
    int64_t start, width; /* of the first bucket, in Unix seconds */
    size_t count;
    wrn_load max[WRN_LOADS_MAX];
    wrn_load now;
} wrn_loads;

struct sandbox;

/* A sandbox has come from another state. */
void wrn_usage_entered(struct sandbox *s, wrn_state before);
/* Writes down what has come together since the last time. */
wrn_db wrn_usage_add_up(struct sandbox *s);
/* A team's sandboxes have changed in the records only. */
void wrn_usage_note(wrn_store *store, const char *team_id);

/* WRN_DB_NONE: there is no such range. They are 5m, 1h, 6h, 24h and 30d. */
wrn_db wrn_usage_read_loads(wrn_store *store, const char *team_id, const char *range, wrn_loads *out);
/* The days from and to, counted from 1970-01-01, that have any. */
wrn_db wrn_usage_read_days(wrn_sandboxes *all, const char *team_id, int64_t from, int64_t to, wrn_usage_fn each,
                           void *context);

#endif
