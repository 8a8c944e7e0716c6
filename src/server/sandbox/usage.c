#include "server/sandbox/usage.h"

#include <string.h>

#include "base/clock.h"
#include "server/sandbox/internal.h"

enum { DAY_MS = 86400000 };

static const struct {
    const char *name;
    int64_t seconds, width;
} ranges[] = {{"5m", 300, 3}, {"1h", 3600, 30}, {"6h", 21600, 180}, {"24h", 86400, 720}, {"30d", 2592000, 21600}};

static int64_t now_ms(void) { return wrn_clock_us(CLOCK_REALTIME) / 1000; }

/* ---- writing ---- */

void wrn_usage_record_load(wrn_store *store, const char *team_id) {
    wrn_load before, now;
    int64_t time = wrn_unix_time();
    if (wrn_store_get_load(store, team_id, &now) != WRN_DB_OK ||
        wrn_store_last_load(store, team_id, &before) != WRN_DB_OK || memcmp(&before, &now, sizeof(now)) == 0)
        return;
    wrn_db outcome = wrn_store_begin(store);
    for (size_t i = 0; outcome == WRN_DB_OK && i < WRN_COUNT(ranges); i++) {
        int64_t width = ranges[i].width;
        outcome = wrn_store_put_load(store, team_id, width, time - time % width, &before, &now);
        if (outcome == WRN_DB_OK)
            outcome = wrn_store_drop_loads(store, team_id, width, time - ranges[i].seconds - width);
    }
    wrn_store_end(store, outcome);
}

wrn_db wrn_usage_record(sandbox *s) {
    int64_t now = now_ms(), from = s->usage_ms;
    wrn_db outcome = WRN_DB_OK;
    s->usage_ms = now;
    for (int64_t next; outcome == WRN_DB_OK && from < now; from = next) {
        next = (from / DAY_MS + 1) * DAY_MS;
        if (next > now) next = now;
        const wrn_usage_day more = {from / DAY_MS, (next - from) * s->row.vcpus, (next - from) * s->row.memory_mb};
        outcome = wrn_store_add_usage(s->all->config.store, s->row.team_id, &more);
    }
    return outcome;
}

void wrn_usage_entered(sandbox *s, wrn_state before) {
    bool ran = before == WRN_STATE_RUNNING, runs = s->state == WRN_STATE_RUNNING;
    if (ran == runs) return;
    if (ran) wrn_usage_record(s);
    s->usage_ms = now_ms();
    wrn_usage_record_load(s->all->config.store, s->row.team_id);
}

/* ---- reading ---- */

void wrn_load_raise(wrn_load *load, const wrn_load *other) {
    if (load->running < other->running) load->running = other->running;
    if (load->vcpus < other->vcpus) load->vcpus = other->vcpus;
    if (load->memory_mb < other->memory_mb) load->memory_mb = other->memory_mb;
}

typedef struct filling {
    wrn_loads *out;
    size_t filled;
} filling;

/* Nothing changed in the buckets that are not stored, so they have the first load of this one. */
static void fill_loads(void *context, const wrn_load_bucket *bucket) {
    filling *f = context;
    wrn_loads *out = f->out;
    size_t index = (size_t)((bucket->start - out->start) / out->width);
    while (f->filled < index && f->filled < out->count) out->max[f->filled++] = bucket->first;
    if (f->filled < out->count && f->filled == index) out->max[f->filled++] = bucket->max;
}

wrn_db wrn_usage_read_loads(wrn_store *store, const char *team_id, const char *range, wrn_loads *out) {
    size_t i = 0;
    while (i < WRN_COUNT(ranges) && strcmp(ranges[i].name, range) != 0) i++;
    if (i == WRN_COUNT(ranges)) return WRN_DB_NONE;
    int64_t now = wrn_unix_time(), width = ranges[i].width;
    *out = (wrn_loads){.width = width, .count = (size_t)(ranges[i].seconds / width)};
    out->start = now - now % width - ((int64_t)out->count - 1) * width;
    filling f = {.out = out};
    wrn_db outcome = wrn_store_get_load(store, team_id, &out->now);
    if (outcome == WRN_DB_OK) outcome = wrn_store_list_loads(store, team_id, width, out->start, fill_loads, &f);
    while (f.filled < out->count) out->max[f.filled++] = out->now;
    wrn_load_raise(&out->max[out->count - 1], &out->now);
    return outcome;
}

wrn_db wrn_usage_read_days(wrn_sandboxes *all, const char *team_id, int64_t from, int64_t to, wrn_usage_fn each,
                           void *context) {
    wrn_store *store = all->config.store;
    wrn_db outcome = wrn_store_begin(store);
    for (size_t i = 0; i < WRN_BUCKETS; i++)
        for (sandbox *s = all->buckets[i]; s && outcome == WRN_DB_OK; s = s->next)
            if (s->state == WRN_STATE_RUNNING && strcmp(s->row.team_id, team_id) == 0) outcome = wrn_usage_record(s);
    outcome = wrn_store_end(store, outcome);
    return outcome == WRN_DB_OK ? wrn_store_list_usage(store, team_id, from, to, each, context) : outcome;
}
