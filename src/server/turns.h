/* Fair scheduling of the event loop. Each source of events (a connection, the channel to a sandbox) has a turn, and each turn
 * has an owner that is charged for the processor time it takes: the sandbox it belongs to, else the team, else all
 * unauthenticated clients together.
 *
 * - A source that has taken WRN_TURN_US waits until the other sources have had a turn.
 * - Owners that use much ("heavy") together get a limited part of the loop's time while any other owner is active, so that
 *   the others find the loop free. While there is no other, they are not limited.
 * - New connections have a part of their own: who comes back need not wait behind all unauthenticated clients.
 *
 * For the loop's thread only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { WRN_TURN_US = 300 };

typedef struct wrn_turn {
    void (*go)(struct wrn_turn *turn); /* it need not wait any longer */
    void *context;
    uv_loop_t *loop;
    struct wrn_turn *next;
    struct wrn_turn_owner *owner; /* NULL: unauthenticated clients */
    bool waits, is_due;           /* due: it has waited for its next event */
    bool is_new;                  /* its first event is still to come, and may tell whose it is */
    int64_t began_us;             /* monotonic */
    int64_t cpu_us;               /* the thread's processor time at its beginning */
    int64_t took_us, lent_us;     /* its last event; what was charged for the next one in advance */
} wrn_turn;

/* `id`: a sandbox's or a team's that exists, so that nobody is charged for others or escapes an account; "": an unauthenticated
 * client. */
void wrn_turn_set_owner(wrn_turn *turn, const char *id);
/* How many sources its owner has; unauthenticated clients count as very many. */
int wrn_turn_crowd(const wrn_turn *turn);
/* At the end of the source: cancels, and gives its owner up. */
void wrn_turn_close(wrn_turn *turn);
/* Something has come for the source, not read yet. True: its owner has used up its part; `go` is called when the source may
 * look again. */
bool wrn_turn_comes_later(wrn_turn *turn);
/* An event begins; calls wrn_hold_tick(). */
void wrn_turn_begin(wrn_turn *turn);
/* Whether the rest of the current event should wait: it has taken WRN_TURN_US, or its owner has used up its part. */
bool wrn_turn_is_over(const wrn_turn *turn);
/* The event has ended. True: the source must wait for `go` before its next event. */
bool wrn_turn_end(wrn_turn *turn);
/* A number that changes with each event. */
uint64_t wrn_turn_number(void);
/* Waits until the other sources have had a turn; `go` is called then. */
void wrn_turn_wait(wrn_turn *turn);
/* No `go` follows. */
void wrn_turn_cancel(wrn_turn *turn);
