/* Processes: start in the background, list, kill. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/signals.h"
#include "server/routes/routes.h"
#include "server/sandbox/commands.h"

/* ---- in the background ---- */

/* A command that is being started. Lives in the request's arena. */
typedef struct starting {
    wrn_viewer viewer; /* first: a viewer is cast to this */
    wrn_request *request;
    const char *cmd;
    char sandbox_id[WRN_ID_SIZE];
    char tag[WRN_TAG_MAX + 1];
} starting;

static void background_on_start(wrn_viewer *viewer, int64_t pid) {
    starting *s = (starting *)viewer;
    const wrn_background_exec answer = {.sandbox_id = s->sandbox_id, .cmd = s->cmd, .pid = pid, .tag = s->tag};
    wrn_command_detach(viewer);
    wrn_reply_model(s->request, 202, &wrn_model_background_exec, &answer);
}

/* As a shell would say it. */
static void reply_no_program(const starting *s, const wrn_proc_result *result) {
    char message[sizeof(result->fault->message) + 128];
    snprintf(message, sizeof(message), "%.100s: %s", s->cmd, result->fault->message);
    wrn_json *envelope = wrn_error_envelope(result->fault->code, message);
    wrn_json *error = wrn_json_ref(wrn_json_get(envelope, "error"));
    wrn_json_set_int(error, "exit_code", result->code);
    wrn_json_free(error);
    wrn_reply_json(s->request, 400, envelope);
}

static void background_on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    wrn_request *request = ((starting *)viewer)->request;
    if (result->end == WRN_PROC_FAILED && result->code) return reply_no_program((starting *)viewer, result);
    if (result->end == WRN_PROC_FAILED) return wrn_reply_fault(request, result->fault);
    wrn_reply_error(request, WRN_FAULT_AGENT_ERROR, "the sandbox ended while the command was being started");
}

void wrn_exec_background(wrn_request *request, const wrn_sandbox_row *row, const wrn_exec_request *asked,
                         const wrn_proc_spec *spec) {
    wrn_fault fault;
    const char *tag = asked->tag ? asked->tag : "";
    if (strlen(tag) > WRN_TAG_MAX)
        return wrn_reply_invalid(request, "member \"tag\" is longer than %d bytes", WRN_TAG_MAX);
    starting *s = wrn_arena_alloc(&request->arena, sizeof(*s));
    *s = (starting){.viewer = {.start = background_on_start, .end = background_on_end},
                    .request = request,
                    .cmd = asked->command.cmd};
    memcpy(s->sandbox_id, row->id, sizeof(row->id));
    if (*tag) memcpy(s->tag, tag, strlen(tag) + 1);
    else wrn_tag_new(s->tag, "proc");
    if (!wrn_command_start(wrn_server_of(request)->sandboxes, row, spec, WRN_COMMAND_BACKGROUND, s->tag, &s->viewer,
                           &fault))
        wrn_reply_fault(request, &fault);
}

/* ---- list and kill ---- */

static void add_entry(void *array, const wrn_command *command) {
    wrenn_process entry = {.pid = command->pid,
                           .tag = wrn_none_if_empty(command->tag),
                           .cmd = command->argv[0],
                           .args = command->argv + 1};
    while (entry.args[entry.args_count]) entry.args_count++;
    wrn_json_append(array, wrn_model_encode(&wrn_model_process, &entry));
}

void wrn_route_list_processes(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_fault fault;
    wrn_json *answer = wrn_json_new_object(), *array = wrn_json_new_array();
    wrn_json_set(answer, "processes", array);
    if (wrn_command_list(wrn_server_of(request)->sandboxes, row, add_entry, array, &fault))
        return wrn_reply_json(request, 200, answer);
    wrn_json_free(answer);
    wrn_reply_fault(request, &fault);
}

void wrn_route_kill_process(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_fault fault;
    const char *text = wrn_none_if_empty(wrn_query_get(request->head.query, "signal", &request->arena));
    int signal = SIGKILL;
    if (text && !wrn_signal_parse(text, &signal)) {
        WRN_AUTO(wrn_buf_free) wrn_buf known = WRN_BUF_INIT;
        wrn_signal_list(&known);
        return wrn_reply_invalid(request, "there is no signal \"%.32s\"; there are %s", text, known.data);
    }
    wrn_command *command = wrn_command_find(wrn_server_of(request)->sandboxes, row, request->params[1], &fault);
    if (!command) return wrn_reply_fault(request, &fault);
    wrn_proc_signal(command->proc, signal);
    wrn_reply_empty(request, 204);
}
