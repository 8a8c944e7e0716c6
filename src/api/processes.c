#include <signal.h>
#include <stdio.h>

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
        return wrn_op_fail(op, wrn_error_new(WRENN_E_UNSUPPORTED,
                                             "spawn: the server has no detached commands; it has run this one to its "
                                             "end"));
    }
    process->present |= WRENN_HAS_PROCESS_TAG | WRENN_HAS_PROCESS_CMD;
    if (!process->tag) process->tag = "";
    if (!process->cmd) process->cmd = "";
    wrn_op_finish(op, process, wrn_result_free);
}

const wrn_op_type wrn_sandbox_spawn_type = {
    {"spawn", "POST", "/sandboxes/{sandbox id}/exec", WRN_AUTH_ANY},
    .body = &wrn_model_exec_request,
    .size = sizeof(spawn_op),
    .respond = spawn_respond,
    .clear = spawn_clear,
};

int wrn_sandbox_spawn_prepare(wrenn_sandbox *sandbox, const wrenn_command *command, const wrenn_call_options *options,
                              wrenn_op **op, wrenn_error **error) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_exec_request request = {.background = 1, .tag = command->tag};
    int rc = wrn_command_read(&arena, "spawn", command, WRN_COMMAND_TAG, sandbox, &request.command, error);
    if (rc != 0) return rc;
    rc = wrn_op_for_sandbox(sandbox, &wrn_sandbox_spawn_type, options, NULL, &request, op, error);
    if (rc == 0) (*op)->begin = begin_spawn;
    return rc;
}

/* ---- list ---- */

const wrn_op_type wrn_sandbox_processes_type = {{"processes", "GET", "/sandboxes/{sandbox id}/processes", WRN_AUTH_ANY},
                                                .list = &wrn_model_process,
                                                .list_in = "processes"};

/* ---- kill and attach ---- */

/* Servers that know no other signals would send SIGKILL. So before another one is sent, the server is asked for its
 * features. */
typedef struct kill_op {
    wrenn_op op;
    bool needs;   /* a signal that not all servers know */
    wrn_buf path; /* of the call, while the server is asked */
} kill_op;

static void send_kill(wrenn_op *op) {
    kill_op *self = (kill_op *)op;
    wrn_buf path = self->path;
    self->path = WRN_BUF_INIT;
    if (path.size) {
        wrn_op_call_sandbox(op, "DELETE", NULL, "", NULL, NULL);
        wrn_buf_free(&op->path);
        op->path = path;
    }
    if (self->needs && !(op->client->features & WRN_FEATURE_SIGNALS))
        return wrn_op_fail(op, wrn_error_new(WRENN_E_UNSUPPORTED,
                                             "kill: the server does not say that it knows signals other than SIGTERM "
                                             "and SIGKILL; send one of these, or use a wrennd that does"));
    wrn_op_send(op);
}

static void begin_kill(wrenn_op *op) {
    kill_op *self = (kill_op *)op;
    if (!self->needs || op->client->features_known) return send_kill(op);
    self->path = op->path;
    op->path = WRN_BUF_INIT;
    wrn_op_call_any(op);
    wrn_op_send(op);
}

static void kill_respond(wrenn_op *op, wrn_http_response *response) {
    (void)response;
    if (((kill_op *)op)->path.size) send_kill(op);
    else wrn_op_finish(op, NULL, NULL);
}

/* Without credentials the server refuses to answer, but says its features. */
static bool kill_fail(wrenn_op *op, const wrenn_error *error) {
    if (!((kill_op *)op)->path.size || !wrenn_error_http_status(error) || !op->client->features_known) return false;
    send_kill(op);
    return true;
}

static void kill_clear(wrenn_op *op) { wrn_buf_free(&((kill_op *)op)->path); }

const wrn_op_type wrn_sandbox_kill_type = {
    {"kill", "DELETE", "/sandboxes/{sandbox id}/processes/{pid or tag}?signal={signal}", WRN_AUTH_ANY},
    .size = sizeof(kill_op),
    .respond = kill_respond,
    .fail = kill_fail,
    .clear = kill_clear,
};

int wrn_sandbox_kill_prepare(wrenn_sandbox *sandbox, const char *selector, int64_t signal_number,
                             const wrenn_call_options *options, wrenn_op **op, wrenn_error **error) {
    char name[16];
    int64_t number = signal_number ? signal_number : SIGKILL;
    if (number < 1 || number > 64)
        return wrn_refuse(error, "kill: %lld is no signal; they go from 1 to 64", (long long)number);
    const char *const args[] = {selector, wrn_signal_name((int)number, name)};
    int rc = wrn_op_for_sandbox(sandbox, &wrn_sandbox_kill_type, options, args, NULL, op, error);
    if (rc != 0) return rc;
    ((kill_op *)*op)->needs = number != SIGTERM && number != SIGKILL;
    (*op)->begin = begin_kill;
    return 0;
}

int64_t wrenn_signal_number(const char *name) {
    int number;
    return name && wrn_signal_parse(name, &number) ? number : 0;
}

static void attach_opened(wrenn_stream *stream) { (void)stream; } /* the server's "start" follows */

static const wrn_stream_type attach_stream = {
    .opened = attach_opened,
    .message = wrn_command_message,
    .protocol = WRN_BYTES_PROTOCOL,
};

const wrn_op_type wrn_sandbox_attach_type = {
    {"attach", "GET", "/sandboxes/{sandbox id}/processes/{pid or tag}/stream", WRN_AUTH_ANY},
    .stream = &attach_stream,
    WRN_STREAM_OP};

/* ---- kept output ---- */

static const wrn_stream_type log_stream = {
    .opened = attach_opened,
    .message = wrn_command_message,
    .protocol = WRN_BYTES_PROTOCOL,
};

const wrn_op_type wrn_sandbox_logs_type = {
    {"logs", "GET", "/sandboxes/{sandbox id}/processes/{pid or tag}/logs?offset={offset}&tail={tail}&follow={follow}",
     WRN_AUTH_ANY},
    .stream = &log_stream,
    WRN_STREAM_OP};

int wrn_sandbox_logs_prepare(wrenn_sandbox *sandbox, const char *selector, const wrenn_sandbox_logs_options *options,
                             wrenn_op **op, wrenn_error **error) {
    char offset[24], tail[24];
    if (options->offset < 0) return wrn_refuse(error, "logs: offset %lld is below 0", (long long)options->offset);
    if (options->tail < -1) return wrn_refuse(error, "logs: tail %lld is below -1", (long long)options->tail);
    if (options->offset && options->tail) return wrn_refuse(error, "logs: give offset or tail, not both");
    snprintf(offset, sizeof(offset), "%lld", (long long)options->offset);
    snprintf(tail, sizeof(tail), "%lld", (long long)(options->tail < 0 ? 0 : options->tail));
    const char *const args[] = {selector, options->offset ? offset : NULL, options->tail ? tail : NULL,
                                options->flags & WRENN_SANDBOX_LOGS_FOLLOW ? "1" : NULL};
    return wrn_op_for_sandbox(sandbox, &wrn_sandbox_logs_type, &options->call, args, NULL, op, error);
}
