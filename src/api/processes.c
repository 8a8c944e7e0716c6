#include "wrenn/processes.h"

#include <signal.h>
#include <string.h>

#include "api/command.h"
#include "api/streams.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wire/server_features.h"
#include "wire/url.h"

enum { TIMEOUT_MS = 30000 };

static wrenn_client *client_of(const wrenn_sandbox *sandbox) { return sandbox ? sandbox->client : NULL; }

/* ---- spawn ---- */

static wrenn_process *make_process(const wrn_background_exec *wire) {
    wrenn_process *process = wrn_result_new(sizeof(*process));
    if (!process) return NULL;
    wrn_arena *arena = wrn_result_arena(process);
    process->present = WRENN_HAS_PROCESS_PID | WRENN_HAS_PROCESS_TAG | WRENN_HAS_PROCESS_CMD;
    process->pid = wire->pid;
    process->tag = wrn_arena_dup(arena, wire->tag ? wire->tag : "", wire->tag ? strlen(wire->tag) : 0);
    process->cmd = wrn_arena_dup(arena, wire->cmd ? wire->cmd : "", wire->cmd ? strlen(wire->cmd) : 0);
    if (process->tag && process->cmd) return process;
    wrn_result_free(process);
    return NULL;
}

/* A server without background commands would run the command in the foreground and answer when it is over. So a server that
 * may be one is asked for its processes first: ASKING -> STARTING. */
typedef struct spawn_op {
    wrenn_op op;
    wrn_buf body; /* of the command, while another call comes first */
} spawn_op;

static void call_exec(wrenn_op *op) {
    spawn_op *self = (spawn_op *)op;
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, "/exec", NULL, NULL);
    wrn_buf_free(&op->body);
    op->body = self->body;
    self->body = WRN_BUF_INIT;
    wrn_op_send(op);
}

static void begin_spawn(wrenn_op *op) {
    spawn_op *self = (spawn_op *)op;
    wrenn_client *client = op->client;
    if (client->has_background || client->features & WRN_FEATURE_BACKGROUND || client->era == WRENN_ERA_CAPSULES) {
        wrn_op_send(op);
        return;
    }
    self->body = op->body;
    op->body = WRN_BUF_INIT;
    wrn_op_call_sandbox(op, "GET", op->sandbox->id, "/processes", NULL, NULL);
    wrn_op_send(op);
}

static void spawn_clear(wrenn_op *op) { wrn_buf_free(&((spawn_op *)op)->body); }

/* A server that does not know the member has waited for the command, and answers with its output. */
static void spawn_respond(wrenn_op *op, wrn_http_response *response) {
    if (((spawn_op *)op)->body.size) {
        op->client->has_background = true;
        call_exec(op);
        return;
    }
    wrn_background_exec *wire = wrn_op_decode(op, response, &wrn_model_background_exec);
    if (!wire) return;
    if (response->status == 200 || !(wire->present & WRN_HAS_BACKGROUND_EXEC_PID)) {
        wrn_result_free(wire);
        return wrn_op_fail(op, wrn_error_new(WRENN_E_UNSUPPORTED,
                                             "spawn: the server has no background commands; it has run this one to its "
                                             "end"));
    }
    wrenn_process *process = make_process(wire);
    wrn_result_free(wire);
    if (process) wrn_op_finish(op, process, wrn_result_free);
    else wrn_op_fail(op, wrn_error_new(WRENN_E_NO_MEMORY, "spawn: out of memory"));
}

static const wrn_op_type spawn_type = {.name = "spawn",
                                       .size = sizeof(spawn_op),
                                       .respond = spawn_respond,
                                       .clear = spawn_clear};

int wrenn_sandbox_spawn_start(wrenn_sandbox *sandbox, const wrenn_spawn_options *options, wrenn_done_fn done,
                              void *user_data, wrenn_op **op, wrenn_error **error) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrenn_spawn_options known;
    wrn_command_words words;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_spawn_options", error);
    if (rc == 0) rc = wrn_command_read(&arena, "spawn", known.argv, known.shell, known.envs, &words, error);
    if (rc == 0) rc = wrn_op_new(client_of(sandbox), sandbox, &spawn_type, known.timeout_ms, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    known.user = wrn_sandbox_user(sandbox, known.user);
    wrn_exec_request request = {
        .present = WRN_HAS_EXEC_REQUEST_CMD | WRN_HAS_EXEC_REQUEST_ARGS | WRN_HAS_EXEC_REQUEST_BACKGROUND,
        .cmd = words.cmd,
        .args = words.args,
        .args_count = words.args_count,
        .background = 1,
        .envs = words.envs,
        .envs_count = words.envs_count,
        .cwd = known.cwd,
        .user = known.user,
        .tag = known.tag,
    };
    if (words.envs_count) request.present |= WRN_HAS_EXEC_REQUEST_ENVS;
    if (known.cwd) request.present |= WRN_HAS_EXEC_REQUEST_CWD;
    if (known.user) request.present |= WRN_HAS_EXEC_REQUEST_USER;
    if (known.tag) request.present |= WRN_HAS_EXEC_REQUEST_TAG;
    wrn_op_call_sandbox(made, "POST", sandbox->id, "/exec", &wrn_model_exec_request, &request);
    return wrn_op_start_with(made, begin_spawn, done, user_data, op, error);
}

int wrenn_sandbox_spawn_finish(wrenn_op *op, wrenn_process **process, wrenn_error **error) {
    return wrn_op_take(op, &spawn_type, process, error);
}

int wrenn_sandbox_spawn(wrenn_sandbox *sandbox, const wrenn_spawn_options *options, wrenn_process **process,
                        wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_spawn_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_spawn_finish(op, process, error));
}

/* ---- list ---- */

static void list_respond(wrenn_op *op, wrn_http_response *response) {
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    wrn_list *list = wrn_result_new(sizeof(*list));
    if (wrn_op_append(op, response, wrn_json_get(json, "processes"), &wrn_model_process, list))
        wrn_op_finish(op, list, wrn_result_free);
    else wrn_result_free(list);
}

static const wrn_op_type list_type = {.name = "processes", .respond = list_respond};

int wrenn_sandbox_processes_start(wrenn_sandbox *sandbox, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                  wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_new(client_of(sandbox), sandbox, &list_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call_sandbox(made, "GET", sandbox->id, "/processes", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandbox_processes_finish(wrenn_op *op, wrenn_process_list **list, wrenn_error **error) {
    return wrn_op_take(op, &list_type, list, error);
}

int wrenn_sandbox_processes(wrenn_sandbox *sandbox, wrenn_process_list **list, wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_processes_start(sandbox, NULL, NULL, &op, error),
                 wrenn_sandbox_processes_finish(op, list, error));
}

/* ---- kill and attach ---- */

static int write_suffix(wrn_buf *suffix, const char *what, const char *selector, const char *more,
                        wrenn_error **error) {
    int rc = wrn_check_segment("pid or tag", selector, error);
    if (rc < 0) return rc;
    wrn_buf_puts(suffix, "/processes/");
    wrn_url_escape_segment(suffix, selector);
    wrn_buf_puts(suffix, more);
    return suffix->failed ? wrn_fail(error, WRENN_E_NO_MEMORY, "%s: out of memory", what) : 0;
}

static const wrn_op_type kill_type = {.name = "kill", .respond = wrn_op_respond_nothing};

int wrenn_sandbox_kill_start(wrenn_sandbox *sandbox, const char *selector, int signal_number, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    WRN_AUTO(wrn_buf_free) wrn_buf suffix = WRN_BUF_INIT;
    wrenn_op *made;
    if (signal_number != 0 && signal_number != SIGTERM && signal_number != SIGKILL)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "kill: signal %d: only SIGTERM and SIGKILL can be sent",
                        signal_number);
    int rc = write_suffix(&suffix, "kill", selector, signal_number == SIGTERM ? "?signal=SIGTERM" : "?signal=SIGKILL",
                          error);
    if (rc == 0) rc = wrn_op_new(client_of(sandbox), sandbox, &kill_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call_sandbox(made, "DELETE", sandbox->id, suffix.data, NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandbox_kill_finish(wrenn_op *op, wrenn_error **error) { return wrn_op_take(op, &kill_type, NULL, error); }

int wrenn_sandbox_kill(wrenn_sandbox *sandbox, const char *selector, int signal_number, wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_kill_start(sandbox, selector, signal_number, NULL, NULL, &op, error),
                 wrenn_sandbox_kill_finish(op, error));
}

static void wait_for_start(wrenn_stream *stream) { (void)stream; }

static const wrn_op_type attach_type = WRN_STREAM_OP_TYPE("attach");
static const wrn_stream_type stream_type = {.opened = wait_for_start,
                                            .message = wrn_command_message,
                                            .protocol = WRN_BYTES_PROTOCOL};

int wrenn_sandbox_attach_start(wrenn_sandbox *sandbox, const char *selector, wrenn_done_fn done, void *user_data,
                               wrenn_op **op, wrenn_error **error) {
    WRN_AUTO(wrn_buf_free) wrn_buf suffix = WRN_BUF_INIT;
    wrenn_stream *stream;
    wrenn_op *made;
    int rc = write_suffix(&suffix, "attach", selector, "/stream", error);
    if (rc == 0)
        rc = wrn_stream_new(client_of(sandbox), sandbox, &attach_type, &stream_type, 0, TIMEOUT_MS, &stream, &made,
                            error);
    if (rc != 0) return rc;
    wrn_op_call_sandbox(made, "GET", sandbox->id, suffix.data, NULL, NULL);
    return wrn_stream_start(stream, made, done, user_data, op, error);
}

int wrenn_sandbox_attach_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &attach_type, stream, error);
}

int wrenn_sandbox_attach(wrenn_sandbox *sandbox, const char *selector, wrenn_stream **stream, wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_attach_start(sandbox, selector, NULL, NULL, &op, error),
                 wrenn_sandbox_attach_finish(op, stream, error));
}

void wrenn_process_free(wrenn_process *process) { wrn_result_free(process); }
void wrenn_process_list_free(wrenn_process_list *list) { wrn_result_free(list); }
