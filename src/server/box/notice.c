/* /run/wrenn/network: a box's network policy, for programs in it that are refused something. The agent writes it; once there are
 * such programs, which may have done anything to the directory, in a process that is given a limit. */
#include <stdlib.h>
#include <string.h>

#include "server/box/internal.h"

enum { NOTICE_LIMIT_MS = 20000 }; /* an emulated processor, on a busy machine */

typedef struct notice {
    char *policy;
    size_t size, written;
    wrn_proc *proc;
    wrn_done_fn done;
    void *context;
} notice;

static void write_notice(void *context) {
    notice *n = context;
    n->written += wrn_proc_write(n->proc, n->policy + n->written, n->size - n->written);
    if (n->written == n->size) wrn_proc_close_stdin(n->proc);
}

/* What programs in the box did to the directory, so that nothing could be written, is their own affair. */
static void end_notice(void *context, const wrn_fault *fault) {
    notice *n = context;
    (void)fault;
    if (n->done) n->done(n->context, NULL);
    free(n->policy);
    free(n);
}

static void on_notice_end(void *context, const wrn_proc_result *result) {
    (void)result;
    end_notice(context, NULL);
}

static const char *policy_of(const wrn_box *box) { return box->gate ? gate_policy(box->gate) : WRN_POLICY_NONE; }

void notice_put_first(const wrn_box *box) { wrn_agent_put_network(box->agent, policy_of(box)); }

void wrn_box_show_network(wrn_box *box, wrn_done_fn done, void *context) {
    static const char *const args[] = {"/run/wrenn/network", "mode=644", NULL};
    static const wrn_proc_spec spec = {
        .cmd = "write", .args = args, .cwd = "/", .want_stdin = true, .builtin = true, .timeout_ms = NOTICE_LIMIT_MS};
    wrn_fault fault;
    const char *policy = policy_of(box);
    notice *n = calloc(1, sizeof(*n));
    const wrn_proc_events events = {.on_end = on_notice_end, .on_room = write_notice, .context = n};
    *n = (notice){.policy = strdup(policy), .size = strlen(policy), .done = done, .context = context};
    n->proc = box->agent ? wrn_agent_exec(box->agent, &spec, &events, &fault) : NULL;
    if (n->proc) write_notice(n);
    else wrn_answer_later(box->boxes->config.loop, end_notice, n, NULL);
}
