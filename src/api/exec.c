#include "wrenn/exec.h"

#include <string.h>

#include "api/command.h"
#include "base/text.h"
#include "client/op.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wire/server_features.h"

enum { EXEC_TIMEOUT_SEC = 30, MARGIN_MS = 15000 };

/* ---- the answer ---- */

/* 0, WRENN_E_NO_MEMORY or WRENN_E_PROTOCOL. */
static int decode_stream(wrn_arena *arena, bool base64, const char *text, size_t size, const char **data,
                         size_t *data_size) {
    char *bytes = base64 ? wrn_arena_alloc(arena, wrn_base64_decoded_max(size) + 1) : wrn_arena_dup(arena, text, size);
    if (!bytes) return WRENN_E_NO_MEMORY;
    ssize_t length = base64 ? wrn_base64_decode(bytes, text, size) : (ssize_t)size;
    *data = bytes;
    *data_size = length < 0 ? 0 : (size_t)length;
    return length < 0 ? WRENN_E_PROTOCOL : 0;
}

static int decode(const wrn_exec_result *wire, wrenn_exec_result *result) {
    if (!result) return WRENN_E_NO_MEMORY;
    if (!(wire->present & WRN_HAS_EXEC_RESULT_EXIT_CODE)) return WRENN_E_PROTOCOL;
    bool base64 = wire->encoding && strcmp(wire->encoding, "base64") == 0;
    wrn_arena *arena = wrn_result_arena(result);
    result->exit_code = wire->exit_code;
    result->duration_ms = wire->duration_ms;
    result->signal = wire->signal;
    result->oom_killed = wire->oom_killed;
    result->output_cut = wire->output_cut;
    int rc = decode_stream(arena, base64, wire->out, wire->out_size, &result->stdout_data, &result->stdout_size);
    if (rc != 0) return rc;
    return decode_stream(arena, base64, wire->err, wire->err_size, &result->stderr_data, &result->stderr_size);
}

typedef struct exec_op {
    wrenn_op op;
    bool wrapped;
} exec_op;

/* Nothing has run: the directory is not there. */
static bool take_no_cwd(wrenn_op *op, wrenn_exec_result *result) {
    static const char text[] = WRN_COMMAND_NO_CWD_TEXT;
    if (!((exec_op *)op)->wrapped || result->exit_code != WRN_COMMAND_NO_CWD || result->stdout_size ||
        strncmp(result->stderr_data, text, sizeof(text) - 1) != 0)
        return false;
    wrenn_error *error =
        wrn_error_new(WRENN_E_VALIDATION, "exec: %.*s", (int)(strcspn(result->stderr_data, "\n") - strlen("wrenn: ")),
                      result->stderr_data + strlen("wrenn: "));
    wrn_result_free(result);
    wrn_op_fail(op, error);
    return true;
}

static void respond(wrenn_op *op, wrn_http_response *response) {
    wrn_exec_result *wire = wrn_op_decode(op, response, &wrn_model_exec_result);
    if (!wire) return;
    wrenn_exec_result *result = wrn_result_new(sizeof(*result));
    int rc = decode(wire, result);
    wrn_result_free(wire);
    if (rc == 0 && take_no_cwd(op, result)) return;
    if (rc == 0) {
        wrn_op_finish(op, result, wrn_result_free);
        return;
    }
    wrn_result_free(result);
    wrn_op_fail(op,
                rc == WRENN_E_NO_MEMORY
                    ? wrn_error_new(rc, "exec: out of memory")
                    : wrn_error_new(rc, "exec: the answer has no exit code, or its output is not base64 as it says"));
}

static const wrn_op_type exec_type = {.name = "exec", .size = sizeof(exec_op), .respond = respond};

/* ---- the request ---- */

static int read_timeout(const wrenn_exec_options *options, int64_t *seconds, wrenn_error **error) {
    const int64_t most = INT32_MAX;
    if (options->exec_timeout_ms < 0 || options->exec_timeout_ms > most * 1000)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "exec: exec_timeout_ms must be between 0 and %lld",
                        (long long)most * 1000);
    *seconds = options->exec_timeout_ms ? (options->exec_timeout_ms + 999) / 1000 : EXEC_TIMEOUT_SEC;
    return 0;
}

int wrenn_sandbox_exec_start(wrenn_sandbox *sandbox, const wrenn_exec_options *options, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrenn_exec_options known;
    wrn_command_words words = {0};
    wrn_exec_request request = {.present = WRN_HAS_EXEC_REQUEST_CMD | WRN_HAS_EXEC_REQUEST_ARGS |
                                           WRN_HAS_EXEC_REQUEST_TIMEOUT_SEC};
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_exec_options", error);
    if (rc == 0) rc = wrn_command_read(&arena, "exec", known.argv, known.shell, known.envs, &words, error);
    if (rc == 0) rc = read_timeout(&known, &request.timeout_sec, error);
    bool wrap = rc == 0 && sandbox && !(sandbox->client->features & WRN_FEATURE_EXEC_ENVS) &&
                (words.envs_count || (known.cwd && *known.cwd));
    if (wrap) rc = wrn_command_wrap(&arena, "exec", known.cwd, &words, error);
    int64_t limit = known.timeout_ms ? known.timeout_ms : request.timeout_sec * 1000 + MARGIN_MS;
    if (rc == 0) rc = wrn_op_new(sandbox ? sandbox->client : NULL, sandbox, &exec_type, limit, 0, &made, error);
    if (rc != 0) return rc;
    known.user = wrn_sandbox_user(sandbox, known.user);
    ((exec_op *)made)->wrapped = wrap;
    request.cmd = words.cmd;
    request.args = words.args;
    request.args_count = words.args_count;
    if (words.envs_count) request.present |= WRN_HAS_EXEC_REQUEST_ENVS;
    request.envs = words.envs;
    request.envs_count = words.envs_count;
    if (known.cwd && !wrap) {
        request.present |= WRN_HAS_EXEC_REQUEST_CWD;
        request.cwd = known.cwd;
    }
    if (known.user) {
        request.present |= WRN_HAS_EXEC_REQUEST_USER;
        request.user = known.user;
    }
    wrn_op_call_sandbox(made, "POST", sandbox->id, "/exec", &wrn_model_exec_request, &request);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandbox_exec_finish(wrenn_op *op, wrenn_exec_result **result, wrenn_error **error) {
    return wrn_op_take(op, &exec_type, result, error);
}

int wrenn_sandbox_exec(wrenn_sandbox *sandbox, const wrenn_exec_options *options, wrenn_exec_result **result,
                       wrenn_error **error) {
    WRN_BLOCKING(sandbox ? sandbox->client : NULL, wrenn_sandbox_exec_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_exec_finish(op, result, error));
}

void wrenn_exec_result_free(wrenn_exec_result *result) { wrn_result_free(result); }
