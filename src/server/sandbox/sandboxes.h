/* The living sandboxes, and what can be done with them.
 *
 * Each state is stored before it is visible and before the backend acts on it. Changes that take time (create, pause,
 * resume, destroy) run one at a time per sandbox, in the order of the requests. Each is checked against the state table when
 * it is requested and again when its turn comes. Callbacks come once, from the loop or from inside the call. */
#pragma once

#include "server/box/box.h"
#include "server/sandbox/state.h"
#include "server/store/store.h"

typedef struct wrn_sandboxes wrn_sandboxes;

typedef struct wrn_sandboxes_config {
    uv_loop_t *loop;
    wrn_store *store;
    wrn_boxes *boxes;
    int64_t count_max;     /* of living sandboxes */
    int64_t memory_mb_max; /* the sum of their memory_mb; 0: no limit */
    int64_t
        hibernate_sec; /* after so long the memory of a paused one goes to the disk, if that is possible; 0: never */
    int64_t pool_max;  /* of boxes that are made ahead of their use: pool.h */
    int64_t memory_mb_one; /* of one sandbox: what the machine has */
    /* May be NULL. Called when a sandbox ends that had a network, with what its gate has counted. */
    void (*counted)(void *context, const wrn_sandbox_row *row, const wrn_json *counted);
    void *counted_context;
} wrn_sandboxes_config;

wrn_sandboxes *wrn_sandboxes_new(const wrn_sandboxes_config *config);
/* Adopts the sandboxes that an earlier run left alive, in the background, and marks the others as stopped. Until a sandbox
 * is adopted, using it is "overloaded" and changes of it wait. */
bool wrn_sandboxes_recover(wrn_sandboxes *all);
/* Runs the loop until that is done, but a second at most: an agent may be silent. */
void wrn_sandboxes_await(wrn_sandboxes *all);

/* What happens to sandboxes when the server stops. PAUSE and KEEP leave them to the next server, if the backend can. */
typedef enum wrn_stop { WRN_STOP_DESTROY, WRN_STOP_PAUSE, WRN_STOP_KEEP } wrn_stop;

/* The number of live sandboxes, running or paused. */
int64_t wrn_sandboxes_count(const wrn_sandboxes *all);

/* Refuses new sandboxes; calls `done` when none is left here. */
void wrn_sandboxes_stop(wrn_sandboxes *all, wrn_stop how, void (*done)(void *context), void *context);
/* After that, once the loop has ended. */
void wrn_sandboxes_free(wrn_sandboxes *all);

/* `row` on success, else `fault`; both valid during the call only. */
typedef void (*wrn_sandbox_done_fn)(void *context, const wrn_sandbox_row *row, const wrn_fault *fault);

/* The id with which a create like this one, without an authority, takes a box that is there: only for a create at once. `id` stays if
 * there is none. */
void wrn_sandboxes_offer(wrn_sandboxes *all, const wrn_sandbox_row *asked, char id[WRN_ID_SIZE]);
/* `asked`: id ("": a new one), team_id, template_name, backend, vcpus and memory_mb (0 or less: the template's), timeout_sec,
 * lifetime_sec, lease_sec, egress. `metadata`, `network` and `authority` (NULL: none): as for the store. */
void wrn_sandboxes_create(wrn_sandboxes *all, const wrn_sandbox_row *asked, const char *metadata, const char *network,
                          const char *authority, wrn_sandbox_done_fn done, void *context);
/* `row`: as read from the store. The event is WRN_EVENT_PAUSE, _HIBERNATE, _RESUME or _DESTROY. */
void wrn_sandboxes_change(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_event event, wrn_sandbox_done_fn done,
                          void *context);
/* The sandbox is destroyed that many seconds from now, whatever it does; 0 or less: not at all. */
void wrn_sandboxes_set_lifetime(wrn_sandboxes *all, const wrn_sandbox_row *row, int64_t lifetime_sec,
                                wrn_sandbox_done_fn done, void *context);
/* Changes its labels, which are as for the store. */
void wrn_sandboxes_set_metadata(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *metadata,
                                wrn_sandbox_done_fn done, void *context);
/* Holds the lease of a sandbox until wrn_sandboxes_let_go(). When nobody has held it for lease_sec seconds, the sandbox is
 * destroyed. False with a fault: it has no lease, or is gone or being destroyed. */
bool wrn_sandboxes_hold(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_fault *fault);
/* The sandbox may be gone. */
void wrn_sandboxes_let_go(wrn_sandboxes *all, const char *id);
/* What came of its network policy: wrn_box_network(). WRN_FAULT_INVALID_STATE: it is not running or paused. */
void wrn_sandboxes_network(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_network_fn done, void *context);
/* wrn_box_check_network(); faults as above. */
void wrn_sandboxes_check_network(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_json *asked, wrn_network_fn done,
                                 void *context);
/* Replaces the policy, and stores it: wrn_box_set_network(). */
void wrn_sandboxes_set_network(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *egress, const char *policy,
                               wrn_network_fn done, void *context);
/* Restarts the idle timer and makes a round trip to the agent. */
void wrn_sandboxes_ping(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_done_fn done, void *context);
/* Connects to a TCP port in it. While data flows, the caller calls wrn_sandboxes_touch(). */
/* As wrn_box_want_port(), if it runs. */
void wrn_sandbox_want_port(wrn_sandboxes *all, const wrn_sandbox_row *row, uint16_t port);
void wrn_sandboxes_dial(wrn_sandboxes *all, const wrn_sandbox_row *row, uint16_t port, wrn_dial_fn done, void *context);
/* Restarts the idle timer. */
void wrn_sandboxes_touch(wrn_sandboxes *all, const char *id);

/* Whether commands can run in it. False with an invalid_state fault. */
bool wrn_sandbox_is_usable(const wrn_sandbox_row *row, wrn_fault *fault);
