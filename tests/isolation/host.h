/* Boxes for tests: every call waits for its callback. */
#ifndef WRN_TESTS_BOX_H
#define WRN_TESTS_BOX_H

#include "server/box/box.h"
#include "test.h"

typedef struct host {
    uv_loop_t loop;
    wrn_boxes *boxes;
    char state_dir[256];
    struct wait *waits; /* of boxes made: their `died` callback may come any time */
} host;

typedef struct output {
    char out[1 << 20], err[1 << 16];
    size_t out_size, err_size, total;
    wrn_proc_end end;
    int code;
    char fault[512];
    int64_t pid;
    bool ended, cut, oom_killed;
    int rooms;
} output;

/* Opens them on a fresh directory, or skips the test where this machine can't. */
void host_open(host *h);
/* With another program as the agent, and boxes that may outlive the daemon. */
void host_open_with(host *h, const char *agent, int64_t adopt_ms);
/* The same on another directory of that name below test_dir(): a second daemon. */
void host_open_in(host *h, const char *name);
/* Destroying what is left is the test's business; fails the test when anything stays behind. */
void host_close(host *h);
/* What boxes of the namespaces backend get here. */
const wrn_json *host_isolation(const host *h);
/* The path of the agent that was built with the tests. */
const char *agent_path(void);

/* With the network policy of WRENN_TEST_NETWORK, if that is set. */
wrn_box *box_create(host *h, const char *id);
wrn_box *box_create_sized(host *h, const char *id, int64_t vcpus, int64_t memory_mb);
/* One of a team's. */
wrn_box *box_create_for(host *h, const char *id, const char *owner);
void box_destroy(host *h, wrn_box *box);
/* 0, or -1 with the fault in test notes. */
int box_freeze(host *h, wrn_box *box, bool freeze);
int box_ping(host *h, wrn_box *box);
/* Runs "sh -c line" to its end. */
void box_sh(host *h, wrn_box *box, const char *line, output *out);
void box_exec(host *h, wrn_box *box, const wrn_proc_spec *spec, output *out);
/* Without waiting; `out` fills while the loop runs. */
wrn_proc *box_start(wrn_box *box, const wrn_proc_spec *spec, output *out);
/* A connection to a port in it; -1 with the fault in test notes. */
int box_dial(host *h, wrn_box *box, uint16_t port);
void host_run_until(host *h, const bool *flag);

#endif
