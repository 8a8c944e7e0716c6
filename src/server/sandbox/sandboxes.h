/* The sandboxes that live, and what can be done with them.
 *
 * Each state is written to the store before anybody can see it, and before the backend is asked to act on it. What
 * takes time (create, pause, resume, destroy) runs one at a time per sandbox, in the order it was asked for, and is
 * checked against the state table when it is asked for and again when its turn comes. Completions come once, from the
 * loop or from inside the call. */
#ifndef WRN_SERVER_SANDBOX_SANDBOXES_H
#define WRN_SERVER_SANDBOX_SANDBOXES_H

#include "server/box/box.h"
#include "server/sandbox/state.h"
#include "server/store/store.h"

typedef struct wrn_sandboxes wrn_sandboxes;

typedef struct wrn_sandboxes_config {
    uv_loop_t *loop;
    wrn_store *store;
    wrn_boxes *boxes;
    int64_t count_max;     /* that live at once */
    int64_t memory_mb_max; /* of all that live, as asked for at create; 0: no limit */
    int64_t memory_mb_one; /* of one: what the machine has */
} wrn_sandboxes_config;

wrn_sandboxes *wrn_sandboxes_new(const wrn_sandboxes_config *config);
/* Takes over what an earlier run left alive, in the background, and writes down what became of the rest. Until one has been
 * taken over, using it is "overloaded", and changes of it wait. */
bool wrn_sandboxes_recover(wrn_sandboxes *all);
/* Runs the loop until that is done, but not longer than a second: an agent may say nothing. */
void wrn_sandboxes_await(wrn_sandboxes *all);

/* What becomes of them when the server stops. PAUSE and KEEP leave them to the next server, if the backend can. */
typedef enum wrn_stop { WRN_STOP_DESTROY, WRN_STOP_PAUSE, WRN_STOP_KEEP } wrn_stop;

/* How many live, running or paused. */
int64_t wrn_sandboxes_count(const wrn_sandboxes *all);

/* Makes no more of them; calls `done` when none is left here. */
void wrn_sandboxes_stop(wrn_sandboxes *all, wrn_stop how, void (*done)(void *context), void *context);
/* After that, and once the loop has run out. */
void wrn_sandboxes_free(wrn_sandboxes *all);

/* `row` on success, else `fault`; both valid during the call only. */
typedef void (*wrn_sandbox_done_fn)(void *context, const wrn_sandbox_row *row, const wrn_fault *fault);

/* `asked`: id ("": a new one), team_id, template_name, vcpus, memory_mb (both 0 or less: up to the template), timeout_sec.
 * `metadata`: as the store takes it. */
void wrn_sandboxes_create(wrn_sandboxes *all, const wrn_sandbox_row *asked, const char *metadata,
                          wrn_sandbox_done_fn done, void *context);
/* `row` is what the caller has read from the store. The event is WRN_EVENT_PAUSE, _RESUME or _DESTROY. */
void wrn_sandboxes_change(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_event event, wrn_sandbox_done_fn done,
                          void *context);
/* A sign of life to its idle timer, and a round trip to its agent. */
void wrn_sandboxes_ping(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_sandbox_done_fn done, void *context);
/* Connects to a port in it; while the caller keeps the sandbox in use it is the caller that says so. */
void wrn_sandboxes_dial(wrn_sandboxes *all, const wrn_sandbox_row *row, uint16_t port, wrn_dial_fn done, void *context);
/* A sign of life to its idle timer: something goes through a connection into it. */
void wrn_sandboxes_touch(wrn_sandboxes *all, const char *id);

/* False, with an invalid_state fault, unless commands can run in it now. */
bool wrn_sandbox_is_usable(const wrn_sandbox_row *row, wrn_fault *fault);

#endif
