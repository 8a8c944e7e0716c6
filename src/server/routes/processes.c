/* Processes: started in the background, listed, killed. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "gen/requests.h"
#include "server/routes/routes.h"
#include "server/sandbox/commands.h"

/* ---- in the background ---- */

/* Lives in the request's arena until the command has started, or could not be. */
typedef struct starting {
    wrn_viewer viewer; /* first, so that it leads here */
    wrn_request *request;
    const char *cmd;
    char sandbox_id[WRN_ID_SIZE];
    char tag[WRN_TAG_MAX + 1];
} starting;

static void on_start(wrn_viewer *viewer, int64_t pid) {
    starting *s = (starting *)viewer;
    const wrn_background_exec answer = {
        .present = WRN_HAS_BACKGROUND_EXEC_SANDBOX_ID | WRN_HAS_BACKGROUND_EXEC_CMD | WRN_HAS_BACKGROUND_EXEC_PID |
                   WRN_HAS_BACKGROUND_EXEC_TAG,
        .sandbox_id = s->sandbox_id,
        .cmd = s->cmd,
        .pid = pid,
        .tag = s->tag,
    };
    wrn_command_detach(viewer);
    wrn_reply_model(s->request, 202, &wrn_model_background_exec, &answer);
}

static void on_output(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    (void)viewer, (void)stream, (void)data, (void)size;
}

static void on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    wrn_request *request = ((starting *)viewer)->request;
    if (result->end == WRN_PROC_FAILED) return wrn_reply_fault(request, result->fault);
    wrn_reply_error(request, WRN_FAULT_AGENT_ERROR, "the sandbox ended while the command was being started");
}

void wrn_exec_background(wrn_request *request, const wrn_sandbox_row *row, const wrn_exec_request *asked,
                         const wrn_proc_spec *spec) {
    wrn_fault fault;
    const char *tag = asked->tag ? asked->tag : "";
    if (strlen(tag) > WRN_TAG_MAX)
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"tag\" is longer than %d bytes",
                               WRN_TAG_MAX);
    starting *s = wrn_arena_alloc(&request->arena, sizeof(*s));
    if (!s) return wrn_reply_error(request, WRN_FAULT_INTERNAL_ERROR, "out of memory");
    *s = (starting){.viewer = {on_start, on_output, on_end}, .request = request, .cmd = asked->command.cmd};
    memcpy(s->sandbox_id, row->id, sizeof(row->id));
    if (*tag) memcpy(s->tag, tag, strlen(tag) + 1);
    else wrn_tag_new(s->tag, "proc");
    if (!wrn_command_start(wrn_request_server(request)->sandboxes, row, spec, WRN_COMMAND_BACKGROUND, s->tag,
                           &s->viewer, &fault))
        wrn_reply_fault(request, &fault);
}

/* ---- list and kill ---- */

static void add_entry(void *array, const wrn_command *command) {
    const char *const *argv = wrn_command_argv(command);
    wrenn_process entry = {
        .present = WRENN_HAS_PROCESS_PID | WRENN_HAS_PROCESS_CMD | WRENN_HAS_PROCESS_ARGS,
        .pid = wrn_command_pid(command),
        .tag = wrn_command_tag(command),
        .cmd = argv[0],
        .args = argv + 1,
    };
    if (*entry.tag) entry.present |= WRENN_HAS_PROCESS_TAG;
    while (entry.args[entry.args_count]) entry.args_count++;
    wrn_json_append(array, wrn_model_encode(&wrn_model_process, &entry));
}

void wrn_route_list_processes(wrn_request *request) {
    wrn_sandbox_row row;
    wrn_fault fault;
    if (!wrn_request_sandbox(request, &row)) return;
    wrn_json *answer = wrn_json_new_object(), *array = wrn_json_new_array();
    if (!wrn_command_list(wrn_request_server(request)->sandboxes, &row, add_entry, array, &fault)) {
        wrn_json_free(array);
        wrn_json_free(answer);
        return wrn_reply_fault(request, &fault);
    }
    wrn_json_set(answer, "processes", array);
    wrn_reply_json(request, 200, answer);
}

void wrn_route_kill_process(wrn_request *request) {
    wrn_sandbox_row row;
    wrn_fault fault;
    if (!wrn_request_sandbox(request, &row)) return;
    const char *signal = wrn_query_get(request->head.query, "signal", &request->arena);
    wrn_command *command = wrn_command_find(wrn_request_server(request)->sandboxes, &row, request->params[1], &fault);
    if (!command) return wrn_reply_fault(request, &fault);
    wrn_command_signal(command, signal && strcmp(signal, "SIGTERM") == 0 ? SIGTERM : SIGKILL);
    wrn_reply_empty(request, 204);
}
