/* Waiting for a port of a sandbox to listen. */
#include <signal.h>
#include <stdio.h>

#include "base/text.h"
#include "server/routes/files.h"

enum { WAIT_MAX_SEC = 3600 };

/* Lives in the request's arena. */
typedef struct waiting {
    wrn_viewer viewer; /* first: a viewer is cast to this */
    wrn_request *request;
    int64_t port;
} waiting;

static void ports_on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    const waiting *w = (waiting *)viewer;
    bool ended = result->end == WRN_PROC_EXITED || result->end == WRN_PROC_TIMED_OUT;
    wrn_fault fault;
    if (!ended && !wrn_file_ended_well("ports", result, &fault)) return wrn_reply_fault(w->request, &fault);
    const wrn_port_state state = {.port = w->port, .listening = result->end == WRN_PROC_EXITED && result->code == 0};
    wrn_reply_model(w->request, 200, &wrn_model_port_state, &state);
}

static void ports_on_gone(wrn_request *request) {
    const waiting *w = request->handler;
    if (w->viewer.command) wrn_proc_give_up(w->viewer.command->proc);
}

void wrn_route_wait_port(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_server *server = wrn_server_of(request);
    const char *text = wrn_query_get(request->head.query, "wait_sec", &request->arena);
    int64_t seconds = 0, port;
    wrn_fault fault;
    if (!wrn_parse_int(request->params[1], 1, 65535, &port))
        return wrn_reply_invalid(request, "\"%.32s\" is not a port", request->params[1]);
    if (text && !wrn_parse_int(text, 0, WAIT_MAX_SEC, &seconds))
        return wrn_reply_invalid(request, "parameter \"wait_sec\" must be a number from 0 to %d", WAIT_MAX_SEC);
    const char *const args[] = {request->params[1], seconds ? NULL : "once", NULL};
    const wrn_proc_spec spec = {
        .cmd = "listening", .args = args, .cwd = "/", .builtin = true, .timeout_ms = seconds * 1000};
    waiting *w = wrn_arena_alloc(&request->arena, sizeof(*w));
    *w = (waiting){.viewer = {.end = ports_on_end}, .request = request, .port = port};
    wrn_sandbox_want_port(server->sandboxes, row, (uint16_t)port);
    if (!wrn_command_start(server->sandboxes, row, &spec, WRN_COMMAND_FOREGROUND, NULL, &w->viewer, &fault))
        return wrn_reply_fault(request, &fault);
    request->handler = w;
    request->on_gone = ports_on_gone;
}
