/* exec: runs a command and answers with its whole output. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/http/budget.h"
#include "server/lane.h"
#include "server/routes/routes.h"
#include "server/sandbox/commands.h"

enum { TIMEOUT_DEFAULT_SEC = 30, ENVS_MAX = 4096, CONTROL_FREE = 4096 };

/* Lives in the request's arena, which the answer frees; the buffers are freed before. */
typedef struct run {
    wrn_viewer viewer; /* first: a viewer is cast to this */
    wrn_request *request;
    wrn_exec_request asked;
    wrn_buf out, err;
    size_t size_max;
    bool overflown; /* more output than size_max */
    bool left;      /* the client has gone */
    bool starved;   /* the budget was spent */
    int64_t started_us, ended_us;
    wrn_proc_result result;
    wrn_job job; /* encodes the answer */
    int status;  /* of the answer */
    wrn_buf text;
    char sandbox_id[WRN_ID_SIZE];
} run;

static void free_output(run *r) {
    wrn_buf_free(&r->out);
    wrn_buf_free(&r->err);
}

/* Drops the output and kills the command. `why` is one of the flags of `r`. */
static void give_up_output(run *r, bool *why) {
    *why = true;
    free_output(r);
    if (r->viewer.command) wrn_proc_signal(r->viewer.command->proc, SIGKILL);
}

static void exec_on_output(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    run *r = (run *)viewer;
    if (r->overflown || r->left || r->starved) return;
    if (size > r->size_max - r->out.size - r->err.size) return give_up_output(r, &r->overflown);
    if (!wrn_request_charge(r->request, size)) return give_up_output(r, &r->starved);
    wrn_buf_put(stream == 2 ? &r->err : &r->out, data, size);
}

/* Whether this is UTF-8 that is worth sending as text: a control character takes six characters in JSON, so base64 is
 * shorter when there are many. */
static bool is_text(const wrn_buf *stream) {
    size_t control = 0;
    for (size_t i = 0; i < stream->size; i++)
        control += (unsigned char)stream->data[i] < ' ' && stream->data[i] != '\n';
    return control <= CONTROL_FREE + stream->size / 16 &&
           wrn_utf8_valid_prefix(stream->data, stream->size) == stream->size;
}

/* Both streams are text, or both become base64. */
static const char *encode(run *r) {
    wrn_buf *const streams[] = {&r->out, &r->err};
    bool text = true;
    for (size_t i = 0; i < 2; i++) text = text && is_text(streams[i]);
    for (size_t i = 0; i < 2 && !text; i++) {
        wrn_buf encoded = WRN_BUF_INIT;
        wrn_base64_encode(&encoded, streams[i]->data, streams[i]->size);
        wrn_buf_free(streams[i]);
        *streams[i] = encoded;
    }
    return text ? "utf-8" : "base64";
}

static wrn_json *stream_text(const wrn_buf *stream) {
    return wrn_json_new_string(stream->data ? stream->data : "", stream->size);
}

/* An error with the output so far. */
static wrn_json *encode_partial(run *r, const char *message) {
    wrn_json *envelope = wrn_error_envelope(WRN_FAULT_AGENT_ERROR, message);
    wrn_json *error = wrn_json_ref(wrn_json_get(envelope, "error"));
    wrn_json_set_string(error, "encoding", encode(r));
    wrn_json_set(error, "stdout", stream_text(&r->out));
    wrn_json_set(error, "stderr", stream_text(&r->err));
    wrn_json_free(error);
    return envelope;
}

void wrn_exec_add_end(wrn_json *answer, const wrn_proc_result *result) {
    bool signaled = result->end == WRN_PROC_SIGNALED;
    wrn_json_set_int(answer, "exit_code", result->end == WRN_PROC_EXITED ? result->code : -1);
    if (signaled) wrn_json_set_int(answer, "signal", result->code);
    if (result->oom_killed) wrn_json_set_bool(answer, "oom_killed", true);
    if (result->output_cut) wrn_json_set_bool(answer, "output_cut", true);
}

static wrn_json *encode_result(run *r) {
    const char *encoding = encode(r);
    const wrn_exec_result answer = {
        .sandbox_id = r->sandbox_id,
        .cmd = r->asked.command.cmd,
        .out = r->out.data,
        .out_size = r->out.size,
        .err = r->err.data,
        .err_size = r->err.size,
        .duration_ms = (r->ended_us - r->started_us) / 1000,
        .encoding = encoding,
    };
    wrn_json *json = wrn_model_encode(&wrn_model_exec_result, &answer);
    wrn_exec_add_end(json, &r->result);
    return json;
}

/* Makes the answer's status and text. */
static void compose(run *r) {
    char message[160];
    wrn_json *answer;
    int64_t seconds = r->asked.timeout_sec > 0 ? r->asked.timeout_sec : TIMEOUT_DEFAULT_SEC;
    r->status = 502;
    if (r->overflown) {
        snprintf(message, sizeof(message),
                 "the command was killed: it wrote more than %zu bytes of output; redirect it "
                 "to a file or raise --max-output-bytes",
                 r->size_max);
        answer = wrn_error_envelope(WRN_FAULT_AGENT_ERROR, message);
    } else if (r->result.end == WRN_PROC_TIMED_OUT) {
        snprintf(message, sizeof(message), "the command was killed: it ran longer than %lld s", (long long)seconds);
        answer = encode_partial(r, message);
    } else if (r->result.end == WRN_PROC_LOST) {
        answer = encode_partial(r, "the sandbox ended while the command ran");
    } else {
        r->status = 200;
        answer = encode_result(r);
    }
    free_output(r);
    wrn_json_write(answer, &r->text);
    wrn_buf_putc(&r->text, '\n');
    wrn_json_free(answer);
}

static void run_composing(wrn_job *job) { compose(WRN_OWNER(job, run, job)); }

static void exec_answer(wrn_job *job) {
    run *r = WRN_OWNER(job, run, job);
    wrn_buf text = r->text; /* `r` is freed with the request */
    wrn_reply_buf(r->request, r->status, "application/json", &text);
}

static void exec_on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    run *r = (run *)viewer;
    if (result->end == WRN_PROC_FAILED) return free_output(r), wrn_reply_fault(r->request, result->fault);
    /* Twice more: as JSON values and as JSON text. */
    if (!r->starved && !r->left && !wrn_request_charge(r->request, 2 * (r->out.size + r->err.size)))
        give_up_output(r, &r->starved);
    if (r->starved)
        return wrn_reply_error(r->request, WRN_FAULT_OVERLOADED, "the command's output can't be kept: %s",
                               WRN_BUDGET_SPENT);
    r->result = *result;
    r->result.fault = NULL; /* valid during this call only */
    r->ended_us = wrn_now_us();
    r->request->on_gone = NULL;
    bool small = r->out.size + r->err.size <= WRN_JSON_SMALL;
    wrn_lane_put(small ? NULL : r->request->loop, WRN_LANE_JSON, &r->job, run_composing, exec_answer);
}

static const char *const *environment(wrn_arena *arena, const wrn_pair *const *envs, size_t count, wrn_fault *fault) {
    if (count > ENVS_MAX) {
        wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "member \"envs\" has more than %d variables", ENVS_MAX);
        return NULL;
    }
    const char **list = wrn_arena_alloc(arena, (count + 1) * sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        if (!*envs[i]->key || strchr(envs[i]->key, '=')) {
            wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "member \"envs\": \"%.64s\" can't be a variable's name",
                          envs[i]->key);
            return NULL;
        }
        WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
        wrn_buf_printf(&line, "%s=%s", envs[i]->key, envs[i]->value);
        list[i] = wrn_arena_dup(arena, line.data, line.size);
    }
    return list;
}

bool wrn_exec_read_command(wrn_arena *arena, const wrn_command_words *asked, wrn_proc_spec *spec, wrn_fault *fault) {
    spec->cmd = asked->cmd;
    spec->args = asked->args;
    spec->cwd = wrn_none_if_empty(asked->cwd);
    spec->user = wrn_none_if_empty(asked->user);
    spec->envs = environment(arena, asked->envs, asked->envs_count, fault);
    if (spec->envs && !*asked->cmd) wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "member \"cmd\" must not be empty");
    return spec->envs && *asked->cmd;
}

/* The client has left: the command is killed, as with exec/stream. */
static void exec_on_gone(wrn_request *request) {
    run *r = request->handler;
    r->left = true;
    free_output(r);
    if (r->viewer.command) wrn_proc_give_up(r->viewer.command->proc);
}

void wrn_route_exec(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_server *server = wrn_server_of(request);
    wrn_fault fault;
    run *r = wrn_arena_alloc(&request->arena, sizeof(*r));
    if (!wrn_request_decode(request, &wrn_model_exec_request, &r->asked)) return;
    int64_t seconds = r->asked.timeout_sec > 0 ? r->asked.timeout_sec : TIMEOUT_DEFAULT_SEC;
    wrn_proc_spec spec = {.timeout_ms = r->asked.background ? 0 : seconds * 1000};
    if (!wrn_exec_read_command(&request->arena, &r->asked.command, &spec, &fault))
        return wrn_reply_fault(request, &fault);
    r->request = request;
    r->size_max = (size_t)server->config->max_output_bytes;
    r->started_us = wrn_now_us();
    memcpy(r->sandbox_id, row->id, sizeof(row->id));
    if (r->asked.background) return wrn_exec_background(request, row, &r->asked, &spec);
    r->viewer = (wrn_viewer){.output = exec_on_output, .end = exec_on_end};
    if (!wrn_command_start(server->sandboxes, row, &spec, WRN_COMMAND_FOREGROUND, NULL, &r->viewer, &fault))
        return wrn_reply_fault(request, &fault);
    request->handler = r;
    request->on_gone = exec_on_gone;
    if (!request->conn) exec_on_gone(request); /* the client left while its body was decoded */
}
