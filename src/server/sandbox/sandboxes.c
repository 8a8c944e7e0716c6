#include "server/sandbox/sandboxes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "server/hold.h"
#include "server/log.h"
#include "server/sandbox/internal.h"
#include "server/sandbox/secrets.h"

enum { CHANGES_MAX = 64 };

static void start_changes(sandbox *s);

void wrn_sandbox_db_fault(wrn_fault *fault) {
    wrn_fault_set(fault, WRN_FAULT_DB_ERROR, "the database failed; see wrennd's log");
}

/* ---- the table of living sandboxes ---- */

static sandbox **bucket_of(wrn_sandboxes *all, const char *id) {
    uint32_t hash = 2166136261U;
    for (const char *c = id; *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619U;
    return &all->buckets[hash % WRN_BUCKETS];
}

sandbox *wrn_sandbox_find(wrn_sandboxes *all, const char *id) {
    sandbox *s = *bucket_of(all, id);
    while (s && strcmp(s->row.id, id) != 0) s = s->next;
    return s;
}

static void sandbox_on_idle_closed(uv_handle_t *handle) { free(handle->data); }

static void sandbox_on_end_closed(uv_handle_t *handle) {
    sandbox *s = handle->data;
    uv_close((uv_handle_t *)&s->idle, sandbox_on_idle_closed);
}

void wrn_sandbox_check_stopped(wrn_sandboxes *all) {
    if (!all->stopping || all->count || !all->stopped || !wrn_pool_is_empty(all->pool)) return;
    void (*stopped)(void *context) = WRN_TAKE(all->stopped);
    wrn_metrics_close(all);
    stopped(all->stopped_context);
}

static void forget(sandbox *s) {
    wrn_sandboxes *all = s->all;
    WRN_UNLINK(*bucket_of(all, s->row.id), s, next);
    all->count--;
    all->memory_mb -= s->row.memory_mb;
    s->gone = true;
    wrn_pool_fill(all->pool);
    wrn_commands_forget(s);
    uv_timer_stop(&s->idle);
    uv_close((uv_handle_t *)&s->end, sandbox_on_end_closed);
}

/* ---- states ---- */

/* Stores the next state; false when that fails. */
static bool enter(sandbox *s, wrn_state next) {
    wrn_sandbox_row row = s->row;
    snprintf(row.status, sizeof(row.status), "%s", wrn_state_name(next));
    row.last_updated = wrn_unix_time();
    if (next == WRN_STATE_RUNNING && s->state != WRN_STATE_RUNNING) row.last_active_at = row.last_updated;
    if (next == WRN_STATE_RUNNING && !s->row.started_at) row.started_at = row.last_updated;
    if (wrn_store_update_sandbox(s->all->config.store, &row) != WRN_DB_OK) return false;
    wrn_state before = s->state;
    if (next == WRN_STATE_PAUSED) s->active_ms = wrn_now_ms();
    s->row = row;
    s->state = next;
    wrn_usage_entered(s, before);
    wrn_metrics_entered(s);
    return true;
}

static void refuse_state(const char *status, wrn_event event, wrn_fault *fault) {
    const char *wanted = event == WRN_EVENT_RESUME                                     ? "paused"
                         : event == WRN_EVENT_SNAPSHOT || event == WRN_EVENT_HIBERNATE ? "running or paused"
                                                                                       : "running";
    wrn_fault_set(fault, WRN_FAULT_INVALID_STATE, "sandbox is not %s (status: %s)", wanted, status);
}

bool wrn_sandbox_is_usable(const wrn_sandbox_row *row, wrn_fault *fault) {
    wrn_state state;
    if (wrn_state_parse(row->status, &state) && wrn_state_step(state, WRN_EVENT_USE).action != WRN_ACTION_REFUSE)
        return true;
    refuse_state(row->status, WRN_EVENT_USE, fault);
    return false;
}

/* ---- idling, and the end of a lifetime or lease ---- */

static void sandbox_on_idle(uv_timer_t *timer);

/* How long a sandbox in this state may idle; 0: for ever. */
static int64_t idle_sec(const sandbox *s) {
    wrn_fault fault;
    if (s->state == WRN_STATE_RUNNING && !s->foreground) return s->row.timeout_sec;
    if (s->state != WRN_STATE_PAUSED || !s->box || wrn_box_check_hibernate(s->box, &fault) != 0) return 0;
    return s->all->config.hibernate_sec;
}

static void arm_idle(sandbox *s) {
    if (s->gone) return;
    int64_t seconds = idle_sec(s), left = s->active_ms + seconds * 1000 - wrn_now_ms();
    if (seconds <= 0) uv_timer_stop(&s->idle);
    else uv_timer_start(&s->idle, sandbox_on_idle, left > 0 ? (uint64_t)left : 0, 0);
}

void wrn_sandbox_touch(sandbox *s) {
    s->active_ms = wrn_now_ms();
    arm_idle(s);
}

void wrn_sandbox_touch_and_write(sandbox *s) {
    wrn_sandbox_touch(s);
    int64_t now = wrn_unix_time();
    if (s->row.last_active_at == now || s->state != WRN_STATE_RUNNING) return;
    s->row.last_active_at = now;
    wrn_store_update_sandbox(s->all->config.store, &s->row);
}

static change *add_change(sandbox *s, wrn_event event, wrn_sandbox_done_fn done, void *context) {
    change *c = calloc(1, sizeof(*c));
    *c = (change){.event = event, .done = done, .context = context};
    *s->last_change = c;
    s->last_change = &c->next;
    s->change_count++;
    return c;
}

/* One that nobody asked for. */
static void add_own_change(sandbox *s, wrn_event event, const char *reason) {
    add_change(s, event, NULL, NULL)->reason = reason;
}

/* For requests. NULL with a fault when the state does not allow it, or too many changes wait. */
static change *request_change(sandbox *s, wrn_event event, wrn_sandbox_done_fn done, void *context, wrn_fault *fault) {
    if (wrn_state_step(s->state, event).action == WRN_ACTION_REFUSE)
        return refuse_state(s->row.status, event, fault), NULL;
    if (s->change_count < CHANGES_MAX) return add_change(s, event, done, context);
    wrn_fault_set(fault, WRN_FAULT_CONFLICT, "too many changes of this sandbox are waiting");
    return NULL;
}

static void sandbox_on_idle(uv_timer_t *timer) {
    sandbox *s = timer->data;
    bool paused = s->state == WRN_STATE_PAUSED;
    wrn_log_info("sandbox %s was %s for %lld s: %s it", s->row.id, paused ? "paused" : "idle", (long long)idle_sec(s),
                 paused ? "hibernating" : "pausing");
    add_own_change(s, paused ? WRN_EVENT_HIBERNATE : WRN_EVENT_PAUSE, WRN_WHY_IDLE);
    start_changes(s);
}

/* How long it has to live; INT64_MAX: until somebody destroys it. `why`: the reason for its end then. */
static int64_t left_ms(const sandbox *s, const char **why) {
    int64_t lifetime = INT64_MAX, lease = INT64_MAX;
    if (s->row.expires_at) lifetime = s->row.expires_at * 1000 - wrn_clock_us(CLOCK_REALTIME) / 1000;
    if (s->row.lease_sec && !s->holders) lease = s->let_go_ms + s->row.lease_sec * 1000 - wrn_now_ms();
    *why = lease < lifetime ? WRN_WHY_LEASE : WRN_WHY_LIFETIME;
    return lease < lifetime ? lease : lifetime;
}

static void sandbox_on_end(uv_timer_t *timer);

/* Looks again once a minute: a machine that was asleep, or whose clock was set, has another time then than the timer. */
static void arm_end(sandbox *s) {
    enum { LOOK_MS = 60000 };
    const char *why;
    int64_t left = left_ms(s, &why);
    if (s->gone) return;
    if (left == INT64_MAX) uv_timer_stop(&s->end);
    else uv_timer_start(&s->end, sandbox_on_end, left < 0 ? 0 : left < LOOK_MS ? (uint64_t)left : LOOK_MS, 0);
}

static void sandbox_on_end(uv_timer_t *timer) {
    sandbox *s = timer->data;
    const char *why;
    if (left_ms(s, &why) > 0) return arm_end(s);
    if (s->all->leaving) return; /* the next server destroys it */
    wrn_log_info("sandbox %s has %s: destroying it", s->row.id,
                 strcmp(why, WRN_WHY_LEASE) == 0 ? "no holder of its lease any more" : "lived for its lifetime");
    add_own_change(s, WRN_EVENT_DESTROY, why);
    start_changes(s);
}

static void let_go(sandbox *s) {
    s->holders--;
    s->let_go_ms = wrn_now_ms();
    arm_end(s);
}

static void set_lifetime(wrn_sandbox_row *row, int64_t lifetime_sec) {
    int64_t now = (wrn_clock_us(CLOCK_REALTIME) + 999999) / 1000000; /* up, lest a short one ends early */
    row->lifetime_sec = lifetime_sec > 0 ? lifetime_sec : 0;
    row->expires_at = lifetime_sec > 0 ? now + lifetime_sec : 0;
}

/* ---- changes ---- */

static void end_change(sandbox *s, const wrn_fault *fault) {
    change *c = s->changes;
    s->changes = c->next;
    if (!s->changes) s->last_change = &s->changes;
    s->change_count--;
    s->busy = false;
    arm_idle(s);
    wrn_watch_tell_change(s->all, &s->row, c->event, c->reason, fault);
    if (c->done) c->done(c->context, fault ? NULL : &s->row, fault);
    else if (fault) wrn_log_warning("sandbox %s: %s", s->row.id, fault->message);
    free(c);
}

void wrn_sandbox_end_change(sandbox *s, const wrn_fault *fault) {
    end_change(s, fault);
    start_changes(s);
}

/* If that fails it is paused as before, and is tried again after a while. */
static void sandbox_on_hibernated(void *context, const wrn_fault *fault) {
    sandbox *s = context;
    wrn_fault own;
    wrn_transition step = wrn_state_step(s->state, WRN_EVENT_HIBERNATED);
    if (!fault && step.action == WRN_ACTION_REFUSE) {
        refuse_state(s->row.status, WRN_EVENT_HIBERNATE, &own);
        fault = &own;
    } else if (!fault && !enter(s, step.next)) {
        wrn_sandbox_db_fault(&own);
        fault = &own;
    }
    s->active_ms = wrn_now_ms();
    wrn_sandbox_end_change(s, fault);
}

static void sandbox_on_frozen(void *context, const wrn_fault *fault) {
    sandbox *s = context;
    if (!fault && s->changes->snapshot) return wrn_snapshot_copy(s, s->changes->snapshot);
    if (!fault && s->changes->event == WRN_EVENT_HIBERNATE) {
        wrn_watch_tell_change(s->all, &s->row, WRN_EVENT_PAUSE, s->changes->reason, NULL);
        return wrn_box_hibernate(s->box, sandbox_on_hibernated, s);
    }
    bool unattended = !s->changes->done;
    wrn_transition back = wrn_state_step(s->state, WRN_EVENT_PAUSE_FAILED);
    if (fault && back.action != WRN_ACTION_REFUSE) enter(s, back.next);
    end_change(s, fault);
    /* An idle sandbox that can't be paused is destroyed: it might be forgotten, and would run forever. */
    if (fault && unattended) add_own_change(s, WRN_EVENT_DESTROY, WRN_WHY_PAUSE_FAILED);
    start_changes(s);
}

static void sandbox_on_thawed(void *context, const wrn_fault *fault) {
    sandbox *s = context;
    wrn_fault own;
    wrn_transition step = wrn_state_step(s->state, WRN_EVENT_RESUMED);
    if (!fault && step.action == WRN_ACTION_REFUSE) {
        refuse_state(s->row.status, WRN_EVENT_RESUME, &own);
        fault = &own;
    } else if (!fault) {
        s->row.started_at = 0;
        if (!enter(s, step.next)) wrn_sandbox_db_fault(&own), fault = &own;
        wrn_sandbox_touch(s);
    }
    end_change(s, fault);
    start_changes(s);
}

static void sandbox_on_destroyed(void *context, const wrn_fault *fault) {
    sandbox *s = context;
    wrn_sandboxes *all = s->all;
    forget(s);
    s->box = NULL;
    end_change(s, fault);
    start_changes(s);
    wrn_sandbox_check_stopped(all);
}

static void on_last_counted(void *context, const wrn_json *state, const wrn_fault *fault) {
    sandbox *s = context;
    const wrn_sandboxes_config *config = &s->all->config;
    const wrn_json *counted = wrn_json_get(state, "counted");
    if (fault || !counted) wrn_log_warning("sandbox %s: what its network was used for is not known", s->row.id);
    else if (config->counted) config->counted(config->counted_context, &s->row, counted);
    wrn_box_destroy(s->box, sandbox_on_destroyed, s);
}

static void destroy_box(sandbox *s) {
    uv_timer_stop(&s->idle);
    uv_timer_stop(&s->end);
    if (wrn_box_has_network(s->box)) wrn_box_network(s->box, on_last_counted, s);
    else wrn_box_destroy(s->box, sandbox_on_destroyed, s);
}

static void sandbox_on_moment(void *context, wrn_moment *moment, const wrn_fault *fault) {
    sandbox *s = context;
    *s->changes->moment = moment;
    wrn_sandbox_touch(s);
    wrn_sandbox_end_change(s, fault);
}

/* Starts the first change; false when it has ended already. */
static bool start_change(sandbox *s) {
    wrn_fault fault;
    wrn_event event = s->changes->event;
    wrn_transition step = wrn_state_step(s->state, event);
    if (step.action == WRN_ACTION_REFUSE) {
        refuse_state(s->row.status, event, &fault);
        return end_change(s, &fault), false;
    }
    if (step.next != s->state && !enter(s, step.next) && event != WRN_EVENT_DESTROY) {
        wrn_sandbox_db_fault(&fault);
        return end_change(s, &fault), false;
    }
    switch (step.action) {
    case WRN_ACTION_FREEZE:
        uv_timer_stop(&s->idle);
        wrn_box_freeze(s->box, sandbox_on_frozen, s);
        return true;
    case WRN_ACTION_THAW: wrn_box_thaw(s->box, sandbox_on_thawed, s); return true;
    case WRN_ACTION_HIBERNATE:
        uv_timer_stop(&s->idle);
        wrn_box_hibernate(s->box, sandbox_on_hibernated, s);
        return true;
    case WRN_ACTION_COPY: wrn_snapshot_copy(s, s->changes->snapshot); return true;
    case WRN_ACTION_FORK: wrn_box_keep_moment(s->box, sandbox_on_moment, s); return true;
    case WRN_ACTION_DESTROY: destroy_box(s); return true;
    default: break;
    }
    /* A sandbox that died is in its final state already, but its box is still there. */
    if (s->box) return destroy_box(s), true;
    return end_change(s, NULL), false;
}

static void sandbox_on_left(void *context, const wrn_fault *fault) {
    sandbox *s = context;
    (void)fault;
    forget(s);
    wrn_sandbox_check_stopped(s->all);
}

static void leave(sandbox *s) {
    s->busy = true;
    uv_timer_stop(&s->idle);
    uv_timer_stop(&s->end);
    wrn_metrics_leave(s);
    if (s->state == WRN_STATE_RUNNING) wrn_usage_record(s);
    wrn_box_leave(s->box, sandbox_on_left, s);
}

static void start_changes(sandbox *s) {
    while (!s->busy && s->changes) {
        s->busy = true;
        if (start_change(s)) return;
    }
    if (s->all->leaving && !s->busy && s->box && !s->gone) leave(s);
}

static void sandbox_on_died(void *context, const wrn_fault *fault) {
    sandbox *s = context;
    if (s->state == WRN_STATE_STOPPED) return; /* it is being destroyed, once its gate has said what it counted */
    wrn_log_warning("sandbox %s ended by itself: %s", s->row.id, fault ? fault->message : "no reason given");
    wrn_transition step = wrn_state_step(s->state, WRN_EVENT_DIED);
    if (step.action != WRN_ACTION_REFUSE) enter(s, step.next);
    wrn_watch_tell(s->all, &(wrn_news){.type = WRN_NEWS_SANDBOX_DIE, .row = &s->row, .fault = fault});
    add_own_change(s, WRN_EVENT_DESTROY, WRN_WHY_DIED);
    start_changes(s);
}

bool wrn_sandbox_add_snapshot(sandbox *s, wrn_snapshot_row *row, wrn_sandbox_done_fn done, void *context,
                              wrn_fault *fault) {
    change *c = request_change(s, WRN_EVENT_SNAPSHOT, done, context, fault);
    if (!c) return false;
    c->snapshot = row;
    start_changes(s);
    return true;
}

bool wrn_sandbox_add_fork(sandbox *s, wrn_moment **moment, wrn_sandbox_done_fn done, void *context, wrn_fault *fault) {
    change *c = request_change(s, WRN_EVENT_FORK, done, context, fault);
    if (!c) return false;
    c->moment = moment;
    start_changes(s);
    return true;
}

/* Changes a sandbox that is not alive, of which there is only the record. False with a fault. */
static bool change_record(wrn_sandboxes *all, wrn_sandbox_row *row, wrn_event event, wrn_fault *fault) {
    wrn_state state = WRN_STATE_STOPPED;
    wrn_state_parse(row->status, &state);
    wrn_transition step = wrn_state_step(state, event);
    if (step.action == WRN_ACTION_REFUSE) return refuse_state(row->status, event, fault), false;
    if (step.next == state) return true;
    snprintf(row->status, sizeof(row->status), "%s", wrn_state_name(step.next));
    row->last_updated = wrn_unix_time();
    if (wrn_store_update_sandbox(all->config.store, row) == WRN_DB_OK) return true;
    wrn_sandbox_db_fault(fault);
    return false;
}

static bool is_leaving(const wrn_sandboxes *all, wrn_fault *fault) {
    if (all->leaving)
        wrn_fault_set(fault, WRN_FAULT_OVERLOADED, "wrennd is stopping; try again when it has started again");
    return all->leaving;
}

void wrn_sandboxes_change(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_event event, wrn_sandbox_done_fn done,
                          void *context) {
    wrn_fault fault;
    wrn_sandbox_row copy = *row;
    sandbox *s = wrn_sandbox_find(all, row->id);
    bool can_not = event == WRN_EVENT_HIBERNATE && s && s->box && wrn_box_check_hibernate(s->box, &fault) != 0;
    if (can_not || is_leaving(all, &fault)) return done(context, NULL, &fault);
    if (s && request_change(s, event, done, context, &fault)) return start_changes(s);
    if (s || !change_record(all, &copy, event, &fault)) return done(context, NULL, &fault);
    if (strcmp(copy.status, row->status) != 0) wrn_watch_tell_change(all, &copy, event, NULL, NULL);
    done(context, &copy, NULL);
}

/* The sandbox, unless it is gone or will be destroyed: then NULL with a fault. */
static sandbox *find_lasting(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_fault *fault) {
    sandbox *s = wrn_sandbox_find(all, row->id);
    if (is_leaving(all, fault)) return NULL;
    bool ends = !s || s->gone || s->state == WRN_STATE_STOPPED;
    for (const change *c = ends ? NULL : s->changes; c && !ends; c = c->next) ends = c->event == WRN_EVENT_DESTROY;
    if (!ends) return s;
    wrn_fault_set(fault, WRN_FAULT_INVALID_STATE, "sandbox is gone, or being destroyed (status: %s)", row->status);
    return NULL;
}

void wrn_sandboxes_set_lifetime(wrn_sandboxes *all, const wrn_sandbox_row *row, int64_t lifetime_sec,
                                wrn_sandbox_done_fn done, void *context) {
    wrn_fault fault;
    sandbox *s = find_lasting(all, row, &fault);
    if (!s) return done(context, NULL, &fault);
    wrn_sandbox_row next = s->row;
    set_lifetime(&next, lifetime_sec);
    next.last_updated = wrn_unix_time();
    if (wrn_store_update_sandbox(all->config.store, &next) != WRN_DB_OK) {
        wrn_sandbox_db_fault(&fault);
        return done(context, NULL, &fault);
    }
    s->row = next;
    arm_end(s);
    wrn_watch_tell(all, &(wrn_news){.type = WRN_NEWS_SANDBOX_LIFETIME, .row = &s->row});
    done(context, &s->row, NULL);
}

bool wrn_sandboxes_hold(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_fault *fault) {
    sandbox *s = find_lasting(all, row, fault);
    if (s && !s->row.lease_sec)
        wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST,
                      "the sandbox has no lease; only a create gives one (lease_sec)");
    if (!s || !s->row.lease_sec) return false;
    s->holders++;
    arm_end(s);
    return true;
}

void wrn_sandboxes_let_go(wrn_sandboxes *all, const char *id) {
    sandbox *s = wrn_sandbox_find(all, id);
    if (s) let_go(s);
}

/* ---- labels ---- */

/* Names are for people, who can't use one that two sandboxes have. */
bool wrn_sandbox_is_name_free(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *metadata, wrn_fault *fault) {
    char other[WRN_ID_SIZE];
    wrn_db outcome = wrn_store_find_namesake(all->config.store, row->team_id, row->id, metadata, other);
    if (outcome == WRN_DB_ERROR) wrn_sandbox_db_fault(fault);
    if (outcome == WRN_DB_OK)
        wrn_fault_set(fault, WRN_FAULT_CONFLICT,
                      "sandbox %s has that name (label \"name\"); destroy or rename it, or take another name", other);
    return outcome == WRN_DB_NONE;
}

void wrn_sandboxes_set_metadata(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *metadata,
                                wrn_sandbox_done_fn done, void *context) {
    wrn_fault fault;
    sandbox *s = find_lasting(all, row, &fault);
    if (!s || !wrn_sandbox_is_name_free(all, row, metadata, &fault)) return done(context, NULL, &fault);
    if (wrn_store_set_metadata(all->config.store, row->id, metadata) != WRN_DB_OK) {
        wrn_sandbox_db_fault(&fault);
        return done(context, NULL, &fault);
    }
    wrn_watch_tell(all, &(wrn_news){.type = WRN_NEWS_SANDBOX_LABELS, .row = &s->row});
    done(context, &s->row, NULL);
}

/* ---- creating ---- */

void wrn_sandbox_made(void *context, wrn_box *box, const wrn_fault *fault) {
    sandbox *s = context;
    wrn_sandboxes *all = s->all;
    wrn_fault own;
    s->box = box;
    wrn_event event = fault ? WRN_EVENT_BOOT_FAILED : WRN_EVENT_BOOTED;
    bool written = enter(s, wrn_state_step(s->state, event).next);
    if (!fault && !written) wrn_sandbox_db_fault(&own), fault = &own;
    s->busy = false;
    wrn_watch_tell_change(all, &s->row, event, NULL, fault);
    s->created(s->created_context, fault ? NULL : &s->row, fault);
    let_go(s);
    wrn_pool_fill(all->pool);
    if (box) {
        wrn_sandbox_touch(s);
        if (fault) add_own_change(s, WRN_EVENT_DESTROY, WRN_WHY_CREATE_FAILED);
        return start_changes(s);
    }
    wrn_log_warning("sandbox %s could not be made: %s", s->row.id, fault ? fault->message : "no reason given");
    forget(s);
    start_changes(s);
    wrn_sandbox_check_stopped(all);
}

bool wrn_sandbox_has_room(const wrn_sandboxes *all, const wrn_sandbox_row *asked, int64_t count, wrn_fault *fault) {
    const wrn_sandboxes_config *c = &all->config;
    int64_t memory_mb = asked->memory_mb * count;
    if (all->stopping) {
        wrn_fault_set(fault, WRN_FAULT_NO_HOSTS_AVAILABLE, "wrennd is stopping");
    } else if (all->count >= c->count_max) {
        wrn_fault_set(fault, WRN_FAULT_NO_HOSTS_AVAILABLE,
                      "%lld sandboxes live already, which is the limit; destroy one or raise --max-sandboxes",
                      (long long)all->count);
    } else if (count > c->count_max - all->count) {
        wrn_fault_set(
            fault, WRN_FAULT_NO_HOSTS_AVAILABLE,
            "%lld sandboxes live already, %lld more were asked for, and %lld is the limit; destroy some or raise "
            "--max-sandboxes",
            (long long)all->count, (long long)count, (long long)c->count_max);
    } else if (asked->memory_mb > c->memory_mb_one) {
        wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "memory_mb is %lld, and this machine has only %lld",
                      (long long)asked->memory_mb, (long long)c->memory_mb_one);
    } else if (c->memory_mb_max && memory_mb > c->memory_mb_max - all->memory_mb) {
        wrn_fault_set(fault, WRN_FAULT_NO_HOSTS_AVAILABLE,
                      "%lld MB are requested and %lld of %lld MB are free; destroy a sandbox or raise --max-memory-mb",
                      (long long)memory_mb, (long long)(c->memory_mb_max - all->memory_mb),
                      (long long)c->memory_mb_max);
    } else {
        return true;
    }
    return false;
}

static sandbox *empty_sandbox(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_state state) {
    sandbox *s = calloc(1, sizeof(*s));
    s->all = all;
    s->row = *row;
    s->state = state;
    s->last_change = &s->changes;
    s->busy = true; /* until it has its box */
    return s;
}

/* Adds it to the living. */
static void list_sandbox(sandbox *s) {
    wrn_sandboxes *all = s->all;
    sandbox **bucket = bucket_of(all, s->row.id);
    uv_timer_init(all->config.loop, &s->idle);
    uv_timer_init(all->config.loop, &s->end);
    s->idle.data = s->end.data = s;
    s->let_go_ms = wrn_now_ms();
    s->next = *bucket;
    *bucket = s;
    all->count++;
    all->memory_mb += s->row.memory_mb;
    wrn_pool_yield(all->pool);
    arm_end(s);
}

static sandbox *new_sandbox(wrn_sandboxes *all, const wrn_sandbox_row *asked) {
    sandbox *s = empty_sandbox(all, asked, WRN_STATE_PENDING);
    if (!*s->row.id) wrn_id_new(s->row.id, "cl");
    snprintf(s->row.status, sizeof(s->row.status), "%s", wrn_state_name(s->state));
    s->row.created_at = s->row.last_updated = wrn_unix_time();
    s->row.started_at = s->row.last_active_at = 0;
    set_lifetime(&s->row, asked->lifetime_sec);
    if (s->row.lease_sec < 0) s->row.lease_sec = 0;
    s->holders = 1; /* until it is made */
    return s;
}

sandbox *wrn_sandbox_add(wrn_sandboxes *all, const wrn_sandbox_row *asked, const char *metadata, const char *network,
                         wrn_sandbox_done_fn done, void *context, wrn_fault *fault) {
    sandbox *s = new_sandbox(all, asked);
    s->created = done;
    s->created_context = context;
    if (wrn_store_add_sandbox(all->config.store, &s->row, metadata, network) == WRN_DB_OK) return list_sandbox(s), s;
    wrn_sandbox_db_fault(fault);
    free(s);
    return NULL;
}

/* What is added to its requests. -1 with a fault. */
static int open_secrets(wrn_store *store, const wrn_sandbox_row *row, const char *network, const char *authority,
                        wrn_fault *fault) {
    if (!authority) return 0;
    if (wrn_store_set_authority(store, row->id, authority) != WRN_DB_OK) return wrn_sandbox_db_fault(fault), -1;
    return wrn_secrets_open(store, row->team_id, row->id, network, fault);
}

static bool sandbox_on_kept(void *context, const wrn_detached *kept, wrn_proc_events *events) {
    return wrn_command_adopt(context, kept, events);
}

void wrn_sandbox_make_box(sandbox *s, const wrn_box_spec *spec) {
    wrn_box_create(s->all->config.boxes, spec, sandbox_on_kept, sandbox_on_died, wrn_sandbox_made, s);
}

wrn_box_spec wrn_sandbox_spec(const wrn_sandbox_row *row) {
    return (wrn_box_spec){.id = row->id,
                          .template_name = row->template_name,
                          .vcpus = row->vcpus,
                          .memory_mb = row->memory_mb,
                          .backend = row->backend,
                          .disk_mb = row->disk_mb,
                          .owner = row->team_id};
}

void wrn_sandbox_make_plain(sandbox *s) {
    wrn_box_spec spec = wrn_sandbox_spec(&s->row);
    char *network = wrn_store_get_network(s->all->config.store, s->row.id);
    spec.network = network;
    wrn_sandbox_make_box(s, &spec);
    free(network);
}

void wrn_sandbox_given(sandbox *s, wrn_box *box) {
    wrn_box_give(box, sandbox_on_died, s);
    wrn_sandbox_made(s, box, NULL);
}

void wrn_sandboxes_offer(wrn_sandboxes *all, const wrn_sandbox_row *asked, char id[WRN_ID_SIZE]) {
    wrn_fault fault;
    char snapshot_id[WRN_ID_SIZE];
    wrn_sandbox_row row = *asked;
    const wrn_sandboxes_config *c = &all->config;
    if (!c->pool_max || !wrn_snapshot_apply(all, &row, snapshot_id, &fault) || *snapshot_id) return;
    wrn_boxes_fit(c->boxes, row.backend, &row.vcpus, &row.memory_mb, &row.disk_mb);
    wrn_pool_offer(all->pool, &row, id);
}

void wrn_sandboxes_create(wrn_sandboxes *all, const wrn_sandbox_row *asked, const char *metadata, const char *network,
                          const char *authority, wrn_sandbox_done_fn done, void *context) {
    wrn_fault fault;
    char snapshot_id[WRN_ID_SIZE];
    wrn_sandbox_row row = *asked;
    const wrn_sandboxes_config *c = &all->config;
    if (!wrn_snapshot_apply(all, &row, snapshot_id, &fault)) return done(context, NULL, &fault);
    wrn_boxes_fit(c->boxes, row.backend, &row.vcpus, &row.memory_mb, &row.disk_mb);
    if (!wrn_sandbox_has_room(all, &row, 1, &fault) || !wrn_sandbox_is_name_free(all, &row, metadata, &fault))
        return done(context, NULL, &fault);
    bool is_plain = c->pool_max && !*snapshot_id && !authority && wrn_boxes_make_spares(c->boxes, row.backend);
    wrn_spare *spare = is_plain ? wrn_pool_take(all->pool, row.id) : NULL;
    if (is_plain) wrn_pool_note(all->pool, &row);
    sandbox *s = wrn_sandbox_add(all, &row, metadata, network, done, context, &fault);
    if (spare && s) return wrn_pool_give(spare, s, network);
    if (spare) wrn_pool_drop(spare);
    if (!s) return done(context, NULL, &fault);
    int secrets = open_secrets(c->store, &s->row, network, authority, &fault);
    if (secrets < 0) return wrn_sandbox_made(s, NULL, &fault);
    wrn_box_spec spec = wrn_sandbox_spec(&s->row);
    spec.snapshot_id = *snapshot_id ? snapshot_id : NULL;
    spec.network = network;
    spec.authority = authority ? wrn_authority_certificate(authority) : NULL;
    spec.secrets = secrets;
    wrn_sandbox_make_box(s, &spec);
    if (secrets > 0) close(secrets);
}

/* ---- using ---- */

sandbox *wrn_sandbox_usable(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_fault *fault) {
    sandbox *s = wrn_sandbox_find(all, row->id);
    if (!wrn_sandbox_is_usable(s ? &s->row : row, fault)) return NULL;
    if (!s) wrn_fault_set(fault, WRN_FAULT_NOT_FOUND, "the sandbox is gone");
    if (!s || s->box) return s;
    wrn_fault_set(fault, WRN_FAULT_OVERLOADED,
                  "the sandbox is being taken over from the last run of wrennd; try again");
    return NULL;
}

void wrn_sandboxes_ping(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_done_fn done, void *context) {
    wrn_fault fault;
    sandbox *s = wrn_sandbox_usable(all, row, &fault);
    if (!s) return done(context, &fault);
    wrn_sandbox_touch_and_write(s);
    wrn_box_ping(s->box, done, context);
}

void wrn_sandbox_want_port(wrn_sandboxes *all, const wrn_sandbox_row *row, uint16_t port) {
    wrn_fault fault;
    const sandbox *s = wrn_sandbox_usable(all, row, &fault);
    if (s) wrn_box_want_port(s->box, port);
}

/* The sandbox, if it runs or is paused; NULL after `done` got a fault. */
static sandbox *with_network(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_network_fn done, void *context) {
    wrn_fault fault;
    sandbox *s = wrn_sandbox_find(all, row->id);
    if (s && s->box && (s->state == WRN_STATE_RUNNING || wrn_state_stands_still(s->state))) return s;
    wrn_fault_set(&fault, WRN_FAULT_INVALID_STATE, "sandbox is not running or paused (status: %s)",
                  s ? s->row.status : row->status);
    done(context, NULL, &fault);
    return NULL;
}

void wrn_sandboxes_network(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_network_fn done, void *context) {
    sandbox *s = with_network(all, row, done, context);
    if (s) wrn_box_network(s->box, done, context);
}

void wrn_sandboxes_check_network(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_json *asked, wrn_network_fn done,
                                 void *context) {
    sandbox *s = with_network(all, row, done, context);
    if (s) wrn_box_check_network(s->box, asked, done, context);
}

/* A policy that is being set. It is stored once it is obeyed: until then nobody was told that it is. */
typedef struct policy_change {
    wrn_sandboxes *all;
    char id[WRN_ID_SIZE], egress[12];
    char *policy;
    wrn_json *state;
    wrn_network_fn done;
    void *context;
} policy_change;

static void end_policy_change(policy_change *p, const wrn_fault *fault) {
    p->done(p->context, fault ? NULL : p->state, fault);
    wrn_json_free(p->state);
    free(p->policy);
    free(p);
}

static void on_policy_shown(void *context, const wrn_fault *fault) { end_policy_change(context, fault); }

static void on_policy_set(void *context, const wrn_json *state, const wrn_fault *fault) {
    policy_change *p = context;
    wrn_fault own;
    sandbox *s = wrn_sandbox_find(p->all, p->id);
    if (!fault && wrn_store_set_network(p->all->config.store, p->id, p->egress, p->policy) != WRN_DB_OK) {
        wrn_sandbox_db_fault(&own);
        fault = &own;
    }
    if (!fault && s) {
        snprintf(s->row.egress, sizeof(s->row.egress), "%s", p->egress);
        s->row.own_network = true;
        wrn_watch_tell(p->all, &(wrn_news){.type = WRN_NEWS_SANDBOX_NETWORK, .row = &s->row});
    }
    if (fault) return end_policy_change(p, fault);
    p->state = wrn_json_ref(state);
    bool runs = s && s->box && s->state == WRN_STATE_RUNNING;
    if (s && s->box) wrn_box_show_network(s->box, runs ? on_policy_shown : NULL, p);
    if (!runs) end_policy_change(p, NULL);
}

void wrn_sandboxes_set_network(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *egress, const char *policy,
                               wrn_network_fn done, void *context) {
    wrn_fault fault;
    sandbox *s = with_network(all, row, done, context);
    if (!s) return;
    int secrets = wrn_secrets_open(all->config.store, s->row.team_id, s->row.id, policy, &fault);
    if (secrets < 0) return done(context, NULL, &fault);
    policy_change *p = calloc(1, sizeof(*p));
    *p = (policy_change){.all = all, .policy = strdup(policy), .done = done, .context = context};
    snprintf(p->id, sizeof(p->id), "%s", s->row.id);
    snprintf(p->egress, sizeof(p->egress), "%s", egress);
    wrn_box_set_network(s->box, policy, secrets, on_policy_set, p);
    if (secrets > 0) close(secrets);
}

void wrn_sandboxes_dial(wrn_sandboxes *all, const wrn_sandbox_row *row, uint16_t port, wrn_dial_fn done,
                        void *context) {
    wrn_fault fault;
    sandbox *s = wrn_sandbox_usable(all, row, &fault);
    if (!s) return done(context, -1, &fault);
    wrn_sandbox_touch(s);
    wrn_box_dial(s->box, port, done, context);
}

void wrn_sandboxes_touch(wrn_sandboxes *all, const char *id) {
    sandbox *s = wrn_sandbox_find(all, id);
    if (s) wrn_sandbox_touch(s);
}

/* ---- beginning and end ---- */

wrn_sandboxes *wrn_sandboxes_new(const wrn_sandboxes_config *config) {
    wrn_sandboxes *all = calloc(1, sizeof(*all));
    all->config = *config;
    all->pool = wrn_pool_new(all);
    return all;
}

static void collect_row(void *context, const wrn_sandbox_row *row, const char *metadata) {
    (void)metadata;
    wrn_buf_put(context, row, sizeof(*row));
}

/* Boxes without a record are destroyed. */
static void end_adoption(wrn_sandboxes *all) {
    if (all->awaiting) uv_stop(all->config.loop);
    wrn_boxes_end_adoption(all->config.boxes);
}

static void sandbox_on_adopted(void *context, wrn_box *box, const wrn_fault *fault) {
    sandbox *s = context;
    wrn_sandboxes *all = s->all;
    s->busy = false;
    s->box = box;
    if (box) {
        wrn_log_info("sandbox %s goes on (%s)", s->row.id, s->row.status);
        wrn_metrics_adopted(s);
        wrn_sandbox_touch(s);
    } else {
        enter(s, wrn_state_step(s->state, WRN_EVENT_RESTART).next);
        wrn_log_warning("sandbox %s did not outlive the last run of wrennd: %s", s->row.id, fault->message);
        forget(s);
        wrn_watch_tell_change(all, &s->row, WRN_EVENT_DESTROY, WRN_WHY_RESTART, NULL);
    }
    start_changes(s);
    if (!--all->adopting) end_adoption(all);
    wrn_sandbox_check_stopped(all);
}

static void adopt(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_state state) {
    const wrn_sandboxes_config *c = &all->config;
    sandbox *s = empty_sandbox(all, row, state);
    list_sandbox(s);
    s->usage_ms = wrn_clock_us(CLOCK_REALTIME) / 1000;
    all->adopting++;
    wrn_fault fault;
    char *network = wrn_store_get_network(c->store, s->row.id);
    int secrets = wrn_secrets_open(c->store, s->row.team_id, s->row.id, network, &fault);
    if (secrets < 0) wrn_log_warning("sandbox %s: %s", s->row.id, fault.message), secrets = 0;
    wrn_box_spec spec = wrn_sandbox_spec(&s->row);
    spec.network = network;
    spec.secrets = secrets;
    wrn_box_adopt(c->boxes, &spec, wrn_state_stands_still(state), sandbox_on_kept, sandbox_on_died, sandbox_on_adopted,
                  s);
    if (secrets > 0) close(secrets);
    free(network);
}

/* Marks a sandbox that could not outlive the last run. */
static bool write_off(wrn_sandboxes *all, wrn_sandbox_row *row, wrn_state state) {
    wrn_store *store = all->config.store;
    snprintf(row->status, sizeof(row->status), "%s", wrn_state_name(wrn_state_step(state, WRN_EVENT_RESTART).next));
    row->last_updated = wrn_unix_time();
    if (wrn_store_update_sandbox(store, row) != WRN_DB_OK || wrn_store_drop_points(store, row->id) != WRN_DB_OK)
        return false;
    wrn_usage_record_load(store, row->team_id);
    wrn_watch_tell_change(all, row, WRN_EVENT_DESTROY, WRN_WHY_RESTART, NULL);
    wrn_log_info("sandbox %s did not outlive the last run of wrennd: %s", row->id, row->status);
    return true;
}

bool wrn_sandboxes_recover(wrn_sandboxes *all) {
    WRN_AUTO(wrn_buf_free) wrn_buf rows = WRN_BUF_INIT;
    const wrn_sandbox_filter everything = {0};
    bool ok = wrn_store_list_sandboxes(all->config.store, &everything, collect_row, &rows) == WRN_DB_OK;
    for (size_t at = 0; ok && at < rows.size; at += sizeof(wrn_sandbox_row)) {
        wrn_sandbox_row row;
        wrn_state state;
        memcpy(&row, rows.data + at, sizeof(row));
        if (!wrn_state_parse(row.status, &state)) state = WRN_STATE_MISSING;
        if (wrn_state_step(state, WRN_EVENT_ADOPT).action != WRN_ACTION_REFUSE) adopt(all, &row, state);
        else ok = write_off(all, &row, state);
    }
    if (!all->adopting) wrn_boxes_end_adoption(all->config.boxes);
    return ok;
}

static void sandboxes_on_patience(uv_timer_t *timer) { uv_stop(timer->loop); }

void wrn_sandboxes_await(wrn_sandboxes *all) {
    enum { PATIENCE_MS = 1000 };
    if (!all->adopting) return;
    uv_timer_init(all->config.loop, &all->patience);
    uv_timer_start(&all->patience, sandboxes_on_patience, PATIENCE_MS, 0);
    all->awaiting = true;
    uv_run(all->config.loop, UV_RUN_DEFAULT);
    all->awaiting = false;
    uv_close((uv_handle_t *)&all->patience, NULL);
}

int64_t wrn_sandboxes_count(const wrn_sandboxes *all) { return all->count; }

void wrn_sandboxes_stop(wrn_sandboxes *all, wrn_stop how, void (*done)(void *context), void *context) {
    const wrn_sandboxes_config *c = &all->config;
    all->stopping = true;
    all->leaving = how != WRN_STOP_DESTROY && wrn_boxes_can_leave(c->boxes);
    all->stopped = done;
    all->stopped_context = context;
    wrn_unwatch_templates(all);
    wrn_pool_stop(all->pool);
    for (size_t i = 0; i < WRN_BUCKETS; i++) {
        for (sandbox *s = all->buckets[i], *next; s; s = next) {
            next = s->next;  /* a change that ends at once takes it out of the list */
            wrn_hold_tick(); /* no request waits any more */
            if (s->box) wrn_box_stop_snapshot(s->box);
            if (!all->leaving) add_own_change(s, WRN_EVENT_DESTROY, WRN_WHY_SHUTDOWN);
            else if (how == WRN_STOP_PAUSE && s->state == WRN_STATE_RUNNING)
                add_own_change(s, WRN_EVENT_PAUSE, WRN_WHY_SHUTDOWN);
            start_changes(s);
        }
    }
    wrn_sandbox_check_stopped(all);
}

void wrn_sandboxes_free(wrn_sandboxes *all) {
    if (all) wrn_pool_free(all->pool);
    free(all);
}
