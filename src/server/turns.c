#include "server/turns.h"

#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/clock.h"
#include "server/hold.h"
#include "server/pulse.h"

/* BUCKETS: of the table of owners. ROUND_US: how much waiting work is taken up in one iteration of the loop. WINDOW_US: accounts
 * are settled that often. EACH_US: what every owner gets of a window. SAVED_US: how much more it may have used; one that goes
 * beyond is heavy, for HEAVY_FOR_US. HEAVY_US: what heavy owners get of a window together. NEW_US: what all new connections get
 * together. RECENT_US: how long an owner counts as active after its last event. */
enum {
    BUCKETS = 1024,
    ROUND_US = 300,
    WINDOW_US = 5000,
    EACH_US = 75,
    SAVED_US = 2000,
    HEAVY_US = 2500,
    NEW_US = 500,
    RECENT_US = 1000000,
    HEAVY_FOR_US = 1000000
};

typedef struct wrn_turn_owner {
    struct wrn_turn_owner *next; /* in the list of owners with waiting turns */
    struct wrn_turn_owner *next_in_bucket;
    wrn_turn *first, **last;
    int turns;        /* that have it */
    int64_t window;   /* the last one that was settled */
    int64_t used_us;  /* not settled yet */
    int64_t spent_us; /* when it was last seen using more than SAVED_US */
    bool is_counted;  /* in `heavy`, in this window */
    bool is_listed;
    char id[];
} owner;

/* Exists while turns wait; allocated, for closing its handles takes an iteration of the loop. */
typedef struct driver {
    uv_idle_t round;
    uv_timer_t next_window; /* active while all waiting owners have to wait for the next window */
    int open;
} driver;

static owner strangers, newcomers, *owners[BUCKETS];
static owner *waiting, **last_waiting = &waiting;       /* first in, first out */
static driver *driving;                                 /* while some wait */
static unsigned char secret[crypto_shorthash_KEYBYTES]; /* so that no client can fill one bucket */
static uint64_t number;
static int64_t window, light_us; /* the current one; the last event of an owner that is not heavy */
static int heavy, heavy_before;  /* numbers of heavy owners in this window and the one before */

static owner *owner_of(const wrn_turn *turn) {
    return turn->owner ? turn->owner : turn->is_new ? &newcomers : &strangers;
}

static int64_t thread_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_heavy(const owner *o, int64_t now_us) { return o->spent_us && now_us - o->spent_us < HEAVY_FOR_US; }

/* What it gets of a window. */
static int64_t part_of(const owner *o, int64_t now_us) {
    if (o == &newcomers) return NEW_US;
    int count = heavy > heavy_before ? heavy : heavy_before;
    return !count || !is_heavy(o, now_us) ? EACH_US : HEAVY_US / count;
}

/* Brings the account up to date. */
static void settle(owner *o, int64_t now_us) {
    int64_t now = now_us / WINDOW_US;
    if (now != window) {
        heavy_before = now == window + 1 ? heavy : 0;
        heavy = 0;
        window = now;
    }
    if (o->window == now) return;
    int64_t paid = (now - o->window) * part_of(o, now_us);
    o->used_us = o->used_us > paid ? o->used_us - paid : 0;
    o->window = now;
    o->is_counted = false;
}

static bool has_spent(owner *o, int64_t now_us) {
    if (o->used_us <= SAVED_US) return false;
    o->spent_us = now_us;
    if (!o->is_counted) heavy++;
    o->is_counted = true;
    return o->used_us > part_of(o, now_us);
}

static bool must_wait(owner *o, int64_t now_us) { return has_spent(o, now_us) && now_us - light_us < RECENT_US; }

/* ---- those that wait ---- */

static void turns_put(owner *o) {
    if (o->is_listed) return;
    o->is_listed = true;
    o->next = NULL;
    *last_waiting = o;
    last_waiting = &o->next;
}

static wrn_turn *take_turn(owner *o) {
    wrn_turn *turn = o->first;
    o->first = turn->next;
    turn->waits = false;
    turn->is_due = true;
    turn->lent_us = turn->took_us;
    o->used_us += turn->lent_us;
    return turn;
}

static void on_driver_closed(uv_handle_t *handle) {
    driver *d = handle->data;
    if (!--d->open) free(d);
}

static void stop_driving(void) {
    driver *d = WRN_TAKE(driving);
    uv_close((uv_handle_t *)&d->round, on_driver_closed);
    uv_close((uv_handle_t *)&d->next_window, on_driver_closed);
}

static void on_window(uv_timer_t *timer);

/* One waiting turn of each owner, until the round is over. */
static void on_round(uv_idle_t *idle) {
    int64_t now_us = wrn_now_us(), end_us = now_us + ROUND_US, lent_us = 0;
    owner *left = NULL, **last_left = &left, *next = WRN_TAKE(waiting);
    bool is_over = false;
    last_waiting = &waiting;
    for (owner *o; (o = next);) {
        next = o->next;
        settle(o, now_us);
        bool held = must_wait(o, now_us);
        is_over = is_over || (!held && now_us + lent_us >= end_us);
        if (o->first && (held || is_over)) {
            *last_left = o;
            last_left = &o->next;
            continue;
        }
        o->is_listed = false;
        if (!o->first) continue; /* cancelled */
        wrn_turn *turn = take_turn(o);
        if (o->first) turns_put(o);
        lent_us += turn->lent_us;
        turn->go(turn);
        now_us = wrn_now_us();
    }
    bool goes_on = is_over || waiting;
    /* Owners that are left go before those that were listed since. */
    *last_left = waiting;
    if (!waiting) last_waiting = last_left;
    waiting = left;
    if (!waiting) last_waiting = &waiting;
    if (goes_on) return;
    uv_idle_stop(idle);
    if (!waiting) stop_driving();
    else if (!uv_is_active((uv_handle_t *)&driving->next_window))
        uv_timer_start(&driving->next_window, on_window, WINDOW_US / 1000, 0);
}

static void on_window(uv_timer_t *timer) {
    (void)timer;
    uv_idle_start(&driving->round, on_round);
}

static void drive(uv_loop_t *loop) {
    if (!driving) {
        driving = calloc(1, sizeof(*driving));
        if (!driving) abort();
        uv_idle_init(loop, &driving->round);
        uv_timer_init(loop, &driving->next_window);
        driving->round.data = driving->next_window.data = driving;
        driving->open = 2;
    }
    uv_idle_start(&driving->round, on_round);
}

void wrn_turn_wait(wrn_turn *turn) {
    owner *o = owner_of(turn);
    if (turn->waits) return;
    if (!o->first) o->last = &o->first;
    turns_put(o);
    turn->waits = true;
    turn->next = NULL;
    *o->last = turn;
    o->last = &turn->next;
    drive(turn->loop);
}

void wrn_turn_cancel(wrn_turn *turn) {
    if (!turn->waits) return;
    owner *o = owner_of(turn);
    wrn_turn **at = &o->first;
    while (*at != turn) at = &(*at)->next;
    if (o->last == &turn->next) o->last = at;
    *at = turn->next;
    turn->waits = false;
}

/* ---- owners ---- */

/* Nothing would be lost with it. What it has used is remembered for longer than the source that used it. */
static bool is_forgotten(owner *o, int64_t now_us) {
    if (o->turns || o->is_listed) return false;
    settle(o, now_us);
    return !o->used_us && !is_heavy(o, now_us);
}

static owner *find_owner(const char *id) {
    static bool has_secret;
    if (!has_secret) randombytes_buf(secret, sizeof(secret));
    has_secret = true;
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)id, strlen(id), secret);
    int64_t now_us = wrn_now_us();
    owner **at = &owners[hash % BUCKETS];
    for (owner *o; (o = *at);) {
        if (strcmp(o->id, id) == 0) return o;
        if (is_forgotten(o, now_us)) *at = o->next_in_bucket, free(o);
        else at = &o->next_in_bucket;
    }
    size_t size = strlen(id) + 1;
    *at = calloc(1, sizeof(**at) + size);
    memcpy((*at)->id, id, size);
    return *at;
}

static void give_up_owner(wrn_turn *turn) {
    if (turn->owner) turn->owner->turns--;
    turn->owner = NULL;
}

void wrn_turn_set_owner(wrn_turn *turn, const char *id) {
    bool waits = turn->waits;
    wrn_turn_cancel(turn);
    give_up_owner(turn);
    if (*id) turn->owner = find_owner(id);
    if (turn->owner) turn->owner->turns++;
    if (waits) wrn_turn_wait(turn);
}

int wrn_turn_crowd(const wrn_turn *turn) { return turn->owner ? turn->owner->turns : INT_MAX; }

/* It has had its first event. */
static void settle_in(wrn_turn *turn) {
    bool waits = turn->waits;
    if (!turn->is_new) return;
    wrn_turn_cancel(turn);
    turn->is_new = false;
    if (waits) wrn_turn_wait(turn);
}

void wrn_turn_close(wrn_turn *turn) {
    wrn_turn_cancel(turn);
    give_up_owner(turn);
}

/* ---- events ---- */

uint64_t wrn_turn_number(void) { return number; }

void wrn_turn_begin(wrn_turn *turn) {
    owner *o = owner_of(turn);
    wrn_hold_tick();
    number++;
    turn->is_due = false;
    turn->began_us = wrn_now_us();
    turn->cpu_us = thread_us();
    settle(o, turn->began_us);
    if (is_heavy(o, turn->began_us)) return;
    light_us = turn->began_us;
    wrn_pulse();
}

bool wrn_turn_comes_later(wrn_turn *turn) {
    if (turn->is_due) return false;
    owner *o = owner_of(turn);
    int64_t now_us = wrn_now_us();
    settle(o, now_us);
    if (!must_wait(o, now_us)) return false;
    wrn_turn_wait(turn);
    return true;
}

bool wrn_turn_is_over(const wrn_turn *turn) {
    int64_t now_us = wrn_now_us();
    owner *o = owner_of(turn);
    settle(o, now_us);
    return now_us - turn->began_us > WRN_TURN_US || must_wait(o, now_us);
}

bool wrn_turn_end(wrn_turn *turn) {
    owner *o = owner_of(turn);
    int64_t now_us = wrn_now_us();
    turn->took_us = thread_us() - turn->cpu_us;
    settle(o, now_us);
    o->used_us += turn->took_us - turn->lent_us;
    turn->lent_us = 0;
    if (o->used_us < 0) o->used_us = 0;
    if (o->used_us > WINDOW_US) o->used_us = WINDOW_US;
    settle_in(turn);
    if (!must_wait(o, now_us) && turn->took_us <= WRN_TURN_US) return turn->waits;
    wrn_turn_wait(turn);
    return true;
}
