#include "server/sandbox/pool.h"

#include <stdlib.h>
#include <string.h>

#include "server/log.h"
#include "server/sandbox/internal.h"

/* After a spare could not be made, such as one that would have to boot; twice as long each time. */
enum { RETRY_MS = 1000, RETRY_MAX_MS = 64000 };

struct wrn_spare {
    wrn_pool *pool;
    wrn_spare *next;
    wrn_sandbox_row row; /* its id, and what it is like */
    wrn_box *box;        /* NULL: it is not made yet */
    bool warms_up;       /* it runs, until its programs are there */
    bool ready;          /* it stands still */
    bool taken;          /* or it ends; it is not in the list any more */
    bool ends;
    struct sandbox *to; /* who gets it */
};

struct wrn_pool {
    wrn_sandboxes *all;
    wrn_spare *first; /* the oldest one */
    int64_t count, memory_mb;
    size_t leaving; /* that were taken, and are not given or gone yet */
    bool is_making;
    wrn_sandbox_row like; /* the last sandbox */
    bool has_timer;
    uv_timer_t retry;
    uint64_t retry_ms;
};

wrn_pool *wrn_pool_new(wrn_sandboxes *all) {
    wrn_pool *pool = calloc(1, sizeof(*pool));
    pool->all = all;
    return pool;
}

void wrn_pool_free(wrn_pool *pool) { free(pool); }

bool wrn_pool_is_empty(const wrn_pool *pool) { return !pool->first && !pool->leaving; }

/* ---- the end of one ---- */

static void free_spare(wrn_spare *spare) {
    wrn_pool *pool = spare->pool;
    free(spare);
    pool->leaving--;
    wrn_sandbox_check_stopped(pool->all);
}

static void take_out(wrn_spare *spare) {
    wrn_pool *pool = spare->pool;
    WRN_UNLINK(pool->first, spare, next);
    spare->taken = true;
    pool->count--;
    pool->memory_mb -= spare->row.memory_mb;
    pool->leaving++;
}

static void on_spare_gone(void *context, const wrn_fault *fault) {
    if (fault) wrn_log_warning("%s", fault->message);
    free_spare(context);
}

/* One that is being made, or stopped, ends then. */
void wrn_pool_drop(wrn_spare *spare) {
    spare->ends = true;
    if (spare->warms_up) spare->pool->is_making = false;
    if (spare->ready || spare->warms_up) wrn_box_destroy(spare->box, on_spare_gone, spare);
}

static void end_spare(wrn_spare *spare) {
    take_out(spare);
    wrn_pool_drop(spare);
}

void wrn_pool_yield(wrn_pool *pool) {
    int64_t most = pool->all->config.memory_mb_max;
    while (most && pool->first && pool->all->memory_mb + pool->memory_mb > most) end_spare(pool->first);
}

void wrn_pool_stop(wrn_pool *pool) {
    while (pool->first) end_spare(pool->first);
    if (pool->has_timer) uv_close((uv_handle_t *)&pool->retry, NULL);
    pool->has_timer = false;
}

/* ---- making them ---- */

static void on_spare_died(void *context, const wrn_fault *fault) {
    wrn_spare *spare = context;
    (void)fault;
    if (!spare->ready || spare->taken) return;
    end_spare(spare);
    wrn_pool_fill(spare->pool);
}

static void on_retry(uv_timer_t *timer) { wrn_pool_fill(timer->data); }

static void wait_for_better_times(wrn_pool *pool) {
    if (pool->has_timer) uv_timer_start(&pool->retry, on_retry, pool->retry_ms, 0);
    if (pool->retry_ms < RETRY_MAX_MS) pool->retry_ms *= 2;
}

/* It stands still, or there will be none. */
static void end_making(wrn_spare *spare, const wrn_fault *fault) {
    wrn_pool *pool = spare->pool;
    pool->is_making = false;
    spare->ready = spare->box;
    if (fault && !spare->ends) {
        wrn_log_debug("no spare of the template %s can be made: %s", spare->row.template_name, fault->message);
        wait_for_better_times(pool);
        end_spare(spare);
    } else if (spare->ends && spare->box) {
        wrn_pool_drop(spare);
    }
    if (!spare->box) free_spare(spare);
    if (!fault) wrn_pool_fill(pool);
}

static void on_spare_still(void *context, const wrn_fault *fault) { end_making(context, fault); }

static void on_service_up(void *context, const wrn_fault *fault) {
    wrn_spare *spare = context;
    (void)fault; /* then it goes on starting when somebody has it */
    if (spare->ends) return;
    spare->warms_up = false;
    wrn_box_freeze(spare->box, on_spare_still, spare);
}

static void on_program_run(void *context, const wrn_proc_result *result) {
    wrn_spare *spare = context;
    (void)result;
    if (!spare->ends) wrn_box_await_service(spare->box, on_service_up, spare);
}

/* The first program is the slowest one, with an emulated processor above all. */
static void on_spare_made(void *context, wrn_box *box, const wrn_fault *fault) {
    wrn_spare *spare = context;
    const wrn_proc_spec program = {.cmd = "true"};
    const wrn_proc_events events = {.on_end = on_program_run, .context = spare};
    wrn_fault own;
    spare->box = box;
    if (!box || spare->ends) return end_making(spare, fault);
    spare->warms_up = true;
    if (!wrn_box_exec(box, &program, &events, &own)) on_service_up(spare, NULL);
}

static bool has_network(const wrn_sandbox_row *row) { return strcmp(row->egress, "none") != 0; }

static void make_one(wrn_pool *pool) {
    wrn_spare *spare = calloc(1, sizeof(*spare)), **last = &pool->first;
    *spare = (wrn_spare){.pool = pool, .row = pool->like};
    wrn_id_new(spare->row.id, "cl");
    while (*last) last = &(*last)->next;
    *last = spare;
    pool->count++;
    pool->memory_mb += spare->row.memory_mb;
    pool->is_making = true;
    wrn_box_spec spec = wrn_sandbox_spec(&spare->row);
    spec.spare = true;
    spec.network = has_network(&spare->row) ? WRN_POLICY_NONE : NULL; /* its own comes with who gets it */
    wrn_box_create(pool->all->config.boxes, &spec, NULL, on_spare_died, on_spare_made, spare);
}

void wrn_pool_fill(wrn_pool *pool) {
    const wrn_sandboxes *all = pool->all;
    const wrn_sandboxes_config *c = &all->config;
    bool waits = pool->has_timer && uv_is_active((const uv_handle_t *)&pool->retry);
    if (all->stopping || pool->is_making || waits || !*pool->like.team_id || pool->count >= c->pool_max) return;
    if (c->memory_mb_max && all->memory_mb + pool->memory_mb + pool->like.memory_mb > c->memory_mb_max) return;
    make_one(pool);
}

static bool is_like(const wrn_spare *spare, const wrn_sandbox_row *row) {
    const wrn_sandbox_row *own = &spare->row;
    return has_network(own) == has_network(row) && own->vcpus == row->vcpus && own->memory_mb == row->memory_mb &&
           own->disk_mb == row->disk_mb && strcmp(own->team_id, row->team_id) == 0 &&
           strcmp(own->template_name, row->template_name) == 0 && strcmp(own->backend, row->backend) == 0;
}

/* What is used has at least one, if that takes the place of the oldest one. */
void wrn_pool_note(wrn_pool *pool, const wrn_sandbox_row *like) {
    if (!pool->has_timer) {
        uv_timer_init(pool->all->config.loop, &pool->retry);
        pool->retry.data = pool;
        pool->has_timer = true;
    }
    uv_timer_stop(&pool->retry);
    pool->retry_ms = RETRY_MS;
    pool->like = *like;
    const wrn_spare *spare = pool->first;
    while (spare && !is_like(spare, like)) spare = spare->next;
    if (!spare && pool->first && pool->count >= pool->all->config.pool_max) end_spare(pool->first);
}

/* ---- handing them out ---- */

void wrn_pool_offer(wrn_pool *pool, const wrn_sandbox_row *like, char id[WRN_ID_SIZE]) {
    *id = '\0';
    for (wrn_spare *spare = pool->first, *next; spare && !*id; spare = next) {
        next = spare->next;
        if (!spare->ready || !is_like(spare, like)) continue;
        if (wrn_box_is_current(spare->box)) memcpy(id, spare->row.id, sizeof(spare->row.id));
        else end_spare(spare);
    }
}

wrn_spare *wrn_pool_take(wrn_pool *pool, const char *id) {
    wrn_spare *spare = pool->first;
    while (spare && strcmp(spare->row.id, id) != 0) spare = spare->next;
    if (spare) take_out(spare);
    return spare;
}

/* The id is free again. */
static void on_useless_gone(void *context, const wrn_fault *fault) {
    wrn_spare *spare = context;
    if (fault) wrn_log_warning("%s", fault->message);
    wrn_sandbox_make_plain(spare->to);
    free_spare(spare);
}

static void on_spare_goes_on(void *context, const wrn_fault *fault) {
    wrn_spare *spare = context;
    if (fault) return wrn_box_destroy(spare->box, on_useless_gone, spare);
    wrn_sandbox_given(spare->to, spare->box);
    free_spare(spare);
}

void wrn_pool_give(wrn_spare *spare, struct sandbox *to, const char *network) {
    spare->to = to;
    wrn_box_wake(spare->box, network, on_spare_goes_on, spare);
}
