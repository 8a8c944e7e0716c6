#include <signal.h>

#include "api/command.h"
#include "api/operations.h"
#include "api/streams.h"
#include "base/signals.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wire/server_features.h"

/* ---- spawn ---- */

/* A server without detached commands would run the command in the foreground and answer at its end. So when that is
 * possible the list of processes is requested first, which such a server does not have. */
typedef struct spawn_op {
    wrenn_op op;
    wrn_buf body; /* of the command, while the list is requested; else empty */
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
    if (client->has_background || client->features & WRN_FEATURE_BACKGROUND || client->era == WRENN_ERA_CAPSULES)
        return wrn_op_send(op);
    self->body = op->body;
    op->body = WRN_BUF_INIT;
    wrn_op_call_sandbox(op, "GET", op->sandbox->id, "/processes", NULL, NULL);
    wrn_op_send(op);
}

static void spawn_clear(wrenn_op *op) { wrn_buf_free(&((spawn_op *)op)->body); }

/* A server that ignores `background` answers with the output of the finished command. */
static void spawn_respond(wrenn_op *op, wrn_http_response *response) {
    if (((spawn_op *)op)->body.size) {
        op->client->has_background = true;
        return call_exec(op);
    }
    wrenn_process *process = wrn_op_decode(op, response, &wrn_model_process);
    if (!process) return;
    if (response->status == 200 || !(process->present & WRENN_HAS_PROCESS_PID)) {
        wrn_result_free(process);
        return wrn_op_fail_as(op, WRENN_E_UNSUPPORTED,
                              "the server has no detached commands; it has run this one to its end");
    }
    if (!process->tag) process->tag = "";
    if (!process->cmd) process->cmd = "";
    wrn_op_finish(op, process, wrn_result_free);
}

const wrn_op_type wrn_sandbox_spawn_type = {
    {"spawn", "POST", "/sandboxes/{sandbox id}/exec", WRN_AUTH_ANY},
    .body = &wrn_model_exec_request,
    .size = sizeof(spawn_op),
    .begin = begin_spawn,
    .respond = spawn_respond,
    .clear = spawn_clear,
};

int wrn_sandbox_spawn_prepare(wrenn_op *op, const wrenn_command *command, wrenn_error **error) {
    wrn_exec_request request = {.background = 1, .tag = command->tag};
    int rc = wrn_command_read(op, command, WRN_COMMAND_TAG, &request.command, error);
    return rc == 0 ? wrn_op_call_type(op, NULL, &request, error) : rc;
}

/* ---- list ---- */

const wrn_op_type wrn_sandbox_processes_type = {{"processes", "GET", "/sandboxes/{sandbox id}/processes", WRN_AUTH_ANY},
                                                .list = &wrn_model_process,
                                                .list_in = "processes"};

/* ---- kill and attach ---- */

const wrn_op_type wrn_sandbox_kill_type = {
    {"kill", "DELETE", "/sandboxes/{sandbox id}/processes/{pid or tag}?signal={signal}", WRN_AUTH_ANY}};

int wrn_sandbox_kill_prepare(wrenn_op *op, const char *selector, int64_t signal_number, wrenn_error **error) {
    char name[16];
    int64_t number = signal_number ? signal_number : SIGKILL;
    if (number < 1 || number > 64)
        return wrn_refuse(error, "kill: %lld is no signal; they go from 1 to 64", (long long)number);
    if (number != SIGTERM && number != SIGKILL) op->needs = WRN_FEATURE_SIGNALS;
    const char *const args[] = {selector, wrn_signal_name((int)number, name)};
    return wrn_op_call_type(op, args, NULL, error);
}

int64_t wrenn_signal_number(const char *name) {
    int number;
    return name && wrn_signal_parse(name, &number) ? number : 0;
}

static void attach_opened(wrenn_stream *stream) { (void)stream; } /* the server's "start" follows */

static const wrn_stream_type output_stream = {
    .opened = attach_opened,
    .message = wrn_command_message,
    .protocol = WRN_BYTES_PROTOCOL,
};

const wrn_op_type wrn_sandbox_attach_type = {
    {"attach", "GET", "/sandboxes/{sandbox id}/processes/{pid or tag}/stream", WRN_AUTH_ANY},
    .stream = &output_stream,
    WRN_STREAM_OP};

/* ---- kept output ---- */

const wrn_op_type wrn_sandbox_logs_type = {
    {"logs", "GET", "/sandboxes/{sandbox id}/processes/{pid or tag}/logs?offset={offset}&tail={tail}&follow={follow}",
     WRN_AUTH_ANY},
    .stream = &output_stream,
    WRN_STREAM_OP};

int wrn_sandbox_logs_prepare(wrenn_op *op, const char *selector, const wrenn_sandbox_logs_options *options,
                             wrenn_error **error) {
    char offset[WRN_NUMBER_SIZE], tail[WRN_NUMBER_SIZE];
    const bool none = options->tail == -1;
    const char *const args[] = {selector, wrn_number(offset, options->offset),
                                none ? "0" : wrn_number(tail, options->tail),
                                options->flags & WRENN_SANDBOX_LOGS_FOLLOW ? "1" : NULL};
    int rc = wrn_op_check(op, error, {"offset", options->offset, 0, INT64_MAX}, {"tail", options->tail, -1, INT64_MAX});
    if (rc == 0 && options->offset && options->tail) rc = wrn_refuse(error, "logs: give offset or tail, not both");
    return rc == 0 ? wrn_op_call_type(op, args, NULL, error) : rc;
}
