#include <string.h>

#include "api/command.h"
#include "api/operations.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wire/server_features.h"

enum { TIME_LIMIT_SEC = 30, MARGIN_MS = 15000 };

/* ---- the answer ---- */

static int decode_exec_result(const wrn_exec_result *wire, wrenn_exec_result *result) {
    if (!result) return WRENN_E_NO_MEMORY;
    if (!(wire->present & WRN_HAS_EXEC_RESULT_EXIT_CODE)) return WRENN_E_PROTOCOL;
    bool base64 = wire->encoding && strcmp(wire->encoding, "base64") == 0;
    wrn_arena *arena = wrn_result_arena(result);
    result->exit_code = wire->exit_code;
    result->duration_ms = wire->duration_ms;
    result->signal = wire->signal;
    result->oom_killed = wire->oom_killed;
    result->output_cut = wire->output_cut;
    int rc = wrn_output_decode(arena, base64, wire->out, wire->out_size, &result->stdout_data, &result->stdout_size);
    if (rc != 0) return rc;
    return wrn_output_decode(arena, base64, wire->err, wire->err_size, &result->stderr_data, &result->stderr_size);
}

typedef struct exec_op {
    wrenn_op op;
    bool wrapped;
} exec_op;

/* The stderr text says that cwd could not be entered: then nothing has run. */
static bool take_no_cwd(wrenn_op *op, wrenn_exec_result *result) {
    static const char text[] = WRN_COMMAND_NO_CWD_TEXT;
    if (!((exec_op *)op)->wrapped || result->exit_code != WRN_COMMAND_NO_CWD || result->stdout_size ||
        strncmp(result->stderr_data, text, sizeof(text) - 1) != 0)
        return false;
    const char *said = result->stderr_data + strlen("wrenn: ");
    wrn_op_fail_as(op, WRENN_E_VALIDATION, "%.*s", (int)strcspn(said, "\n"), said);
    wrn_result_free(result);
    return true;
}

static void exec_respond(wrenn_op *op, wrn_http_response *response) {
    wrn_exec_result *wire = wrn_op_decode(op, response, &wrn_model_exec_result);
    if (!wire) return;
    wrenn_exec_result *result = wrn_result_new(sizeof(*result));
    int rc = decode_exec_result(wire, result);
    wrn_result_free(wire);
    if (rc == 0 && take_no_cwd(op, result)) return;
    if (rc == 0) return wrn_op_finish(op, result, wrn_result_free);
    wrn_result_free(result);
    if (rc == WRENN_E_NO_MEMORY) wrn_op_fail_no_memory(op);
    else wrn_op_fail_as(op, rc, "the answer has no exit code, or its output is not base64 as it says");
}

const wrn_op_type wrn_sandbox_exec_type = {
    {"exec", "POST", "/sandboxes/{sandbox id}/exec", WRN_AUTH_ANY},
    .body = &wrn_model_exec_request,
    .size = sizeof(exec_op),
    .respond = exec_respond,
};

/* ---- the request ---- */

int wrn_sandbox_exec_prepare(wrenn_op *op, const wrenn_command *command, wrenn_error **error) {
    wrn_exec_request request = {0};
    int rc = wrn_command_read(op, command, WRN_COMMAND_TIME_LIMIT, &request.command, error);
    if (rc == 0) rc = wrn_op_check(op, error, {"time_limit_ms", command->time_limit_ms, 0, INT32_MAX * 1000LL});
    if (rc != 0) return rc;
    bool wrap = !(op->client->features & WRN_FEATURE_EXEC_ENVS) &&
                (request.command.envs_count || (command->cwd && *command->cwd));
    if (wrap) rc = wrn_command_wrap(op, &request.command, error);
    if (rc != 0) return rc;
    ((exec_op *)op)->wrapped = wrap;
    request.timeout_sec = command->time_limit_ms ? wrn_whole_seconds(command->time_limit_ms) : TIME_LIMIT_SEC;
    wrn_op_limit(op, request.timeout_sec * 1000 + MARGIN_MS);
    return wrn_op_call_type(op, NULL, &request, error);
}
