#include "server/sandbox/metrics.h"

#include "base/clock.h"
#include "server/sandbox/internal.h"

enum { TICK_MS = 1000, TURNS = 5, HALF_MINUTE = 6, FIVE_MINUTES = 60 /* samples */, USAGE_SECONDS = 60 };

static const struct {
    int64_t slots, seconds; /* seconds: the longest range that it serves */
} rings[] = {
    [WRN_RING_RECENT] = {WRN_RECENT_POINTS, 600},
    [WRN_RING_HALF_MINUTES] = {240, 7200},
    [WRN_RING_FIVE_MINUTES] = {288, 86400},
};

/* A transaction that begins with its first write. */
typedef struct batch {
    wrn_store *store;
    bool open;
    wrn_db outcome;
} batch;

static bool begin_batch(batch *b) {
    if (!b->open && b->outcome == WRN_DB_OK) b->outcome = wrn_store_begin(b->store);
    b->open = true;
    return b->outcome == WRN_DB_OK;
}

static void put_point(batch *b, const sandbox *s, int ring, int64_t number, const wrn_point *point) {
    if (begin_batch(b)) b->outcome = wrn_store_put_point(b->store, s->row.id, ring, number % rings[ring].slots, point);
}

static void end_batch(const batch *b) {
    if (b->open) wrn_store_end(b->store, b->outcome);
}

/* Measures the sandbox; cpu is its use since the last measurement. False when that is unknown: the first time, or always
 * where no cgroup measures it. */
static bool measure(const sandbox *s, wrn_point *out, int64_t *cpu_usec, int64_t *at_us) {
    wrn_box_stats stats;
    const wrn_meter *m = &s->meter;
    wrn_box_measure(s->box, &stats);
    *cpu_usec = stats.cpu_usec;
    *at_us = wrn_now_us();
    int64_t elapsed = *at_us - m->at_us, used = stats.cpu_usec - m->cpu_usec;
    if (stats.cpu_usec < 0 || stats.mem_bytes < 0 || m->cpu_usec < 0 || elapsed <= 0) return false;
    double cpu_pct = 100.0 * (double)used / ((double)elapsed * (double)s->row.vcpus);
    *out = (wrn_point){.at = wrn_unix_time(),
                       .cpu_pct = cpu_pct < 0     ? 0
                                  : cpu_pct > 100 ? 100
                                                  : cpu_pct,
                       .mem_bytes = stats.mem_bytes,
                       .disk_bytes = stats.disk_bytes > 0 ? stats.disk_bytes : 0,
                       .net_in_bytes = stats.net_in_bytes,
                       .net_out_bytes = stats.net_out_bytes,
                       .net_connections = stats.net_connections,
                       .net_denied = stats.net_denied};
    return true;
}

static void add_to_average(batch *b, const sandbox *s, wrn_average *sum, int ring, int64_t samples,
                           const wrn_point *point) {
#define ADD_METRIC(type, name) sum->name += (double)point->name;
#define MEAN_METRIC(type, name) .name = (type)(sum->name / (double)sum->samples),
    WRN_METRICS(ADD_METRIC)
    if (++sum->samples < samples) return;
    const wrn_point mean = {.at = point->at, WRN_METRICS(MEAN_METRIC)};
    put_point(b, s, ring, sum->points, &mean);
    *sum = (wrn_average){.points = sum->points + 1};
}

static void sample(sandbox *s, batch *b) {
    wrn_meter *m = &s->meter;
    wrn_point point;
    int64_t cpu_usec, at_us;
    /* Recorded now and then, so that a crash loses little usage. */
    if (wrn_unix_time() - s->usage_ms / 1000 >= USAGE_SECONDS && begin_batch(b)) b->outcome = wrn_usage_record(s);
    bool ok = measure(s, &point, &cpu_usec, &at_us);
    m->cpu_usec = cpu_usec;
    m->at_us = at_us;
    if (!ok) return;
    m->recent[m->count++ % WRN_RECENT_POINTS] = point;
    add_to_average(b, s, &m->half_minute, WRN_RING_HALF_MINUTES, HALF_MINUTE, &point);
    add_to_average(b, s, &m->five_minutes, WRN_RING_FIVE_MINUTES, FIVE_MINUTES, &point);
}

static void metrics_on_tick(uv_timer_t *timer) {
    wrn_sandboxes *all = timer->data;
    batch b = {.store = all->config.store};
    if (!all->count) uv_timer_stop(timer);
    all->sampler.turn = (all->sampler.turn + 1) % TURNS;
    for (size_t i = all->sampler.turn; i < WRN_BUCKETS; i += TURNS)
        for (sandbox *s = all->buckets[i]; s; s = s->next)
            if (s->state == WRN_STATE_RUNNING && s->box) sample(s, &b);
    end_batch(&b);
}

static void start_sampler(wrn_sandboxes *all) {
    wrn_sampler *sampler = &all->sampler;
    if (!sampler->open) {
        uv_timer_init(all->config.loop, &sampler->timer);
        sampler->timer.data = all;
        sampler->open = true;
    }
    if (!uv_is_active((uv_handle_t *)&sampler->timer))
        uv_timer_start(&sampler->timer, metrics_on_tick, TICK_MS, TICK_MS);
}

static void store_recent(sandbox *s) {
    wrn_meter *m = &s->meter;
    batch b = {.store = s->all->config.store};
    if (s->box) sample(s, &b);
    for (int64_t i = m->count > WRN_RECENT_POINTS ? m->count - WRN_RECENT_POINTS : 0; i < m->count; i++)
        put_point(&b, s, WRN_RING_RECENT, i, &m->recent[i % WRN_RECENT_POINTS]);
    end_batch(&b);
}

void wrn_metrics_entered(sandbox *s) {
    batch b = {.store = s->all->config.store};
    switch (s->state) {
    case WRN_STATE_RUNNING:
        s->meter.cpu_usec = -1;
        if (s->box) sample(s, &b);
        end_batch(&b);
        start_sampler(s->all);
        break;
    case WRN_STATE_PAUSED: store_recent(s); break;
    case WRN_STATE_HIBERNATED: break; /* it was paused before */
    default: wrn_store_drop_points(s->all->config.store, s->row.id); break;
    }
}

void wrn_metrics_leave(sandbox *s) {
    if (s->state == WRN_STATE_RUNNING) store_recent(s);
}

static void remember_point(void *context, const wrn_point *point) {
    wrn_meter *m = context;
    m->recent[m->count++ % WRN_RECENT_POINTS] = *point;
}

void wrn_metrics_adopted(sandbox *s) {
    wrn_store *store = s->all->config.store;
    wrn_meter *m = &s->meter;
    m->half_minute.points = wrn_store_next_slot(store, s->row.id, WRN_RING_HALF_MINUTES);
    m->five_minutes.points = wrn_store_next_slot(store, s->row.id, WRN_RING_FIVE_MINUTES);
    wrn_store_list_points(store, s->row.id, WRN_RING_RECENT, wrn_unix_time() - rings[WRN_RING_RECENT].seconds,
                          remember_point, m);
    if (s->state == WRN_STATE_RUNNING) wrn_metrics_entered(s);
}

void wrn_metrics_close(wrn_sandboxes *all) {
    if (all->sampler.open) uv_close((uv_handle_t *)&all->sampler.timer, NULL);
    all->sampler.open = false;
}

static void read_recent(const sandbox *s, int64_t since, wrn_point_fn each, void *context) {
    const wrn_meter *m = &s->meter;
    wrn_point point;
    int64_t cpu_usec, at_us;
    for (int64_t i = m->count > WRN_RECENT_POINTS ? m->count - WRN_RECENT_POINTS : 0; i < m->count; i++) {
        const wrn_point *known = &m->recent[i % WRN_RECENT_POINTS];
        if (known->at >= since) each(context, known);
    }
    /* And a new one, so that there is one from the start. */
    if (s->box && measure(s, &point, &cpu_usec, &at_us)) each(context, &point);
}

wrn_db wrn_metrics_read(wrn_sandboxes *all, const wrn_sandbox_row *row, int64_t seconds, wrn_point_fn each,
                        void *context) {
    int ring = WRN_RING_RECENT;
    while (rings[ring].seconds < seconds) ring++;
    wrn_fault fault;
    int64_t since = wrn_unix_time() - seconds;
    const sandbox *live = ring == WRN_RING_RECENT ? wrn_sandbox_usable(all, row, &fault) : NULL;
    if (live) return read_recent(live, since, each, context), WRN_DB_OK;
    return wrn_store_list_points(all->config.store, row->id, ring, since, each, context);
}
