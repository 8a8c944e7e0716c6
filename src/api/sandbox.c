#include <stdio.h>

#include "api/operations.h"
#include "client/sandbox.h"

static void destroy_respond(wrenn_op *op, wrn_http_response *response) {
    op->sandbox->destroyed = true;
    wrn_op_respond_nothing(op, response);
}

const wrn_op_type wrn_sandbox_ping_type = {{"ping", "POST", "/sandboxes/{sandbox id}/ping", WRN_AUTH_ANY}};
const wrn_op_type wrn_sandbox_destroy_type = {{"destroy", "DELETE", "/sandboxes/{sandbox id}", WRN_AUTH_ANY},
                                              .respond = destroy_respond};

void wrenn_sandbox_close(wrenn_sandbox *sandbox) {
    if (!sandbox) return;
    WRN_AUTO(wrn_error_freep) wrenn_error *error = NULL;
    if (!sandbox->destroyed && wrenn_sandbox_destroy(sandbox, NULL, &error) < 0 &&
        !wrenn_error_is(error, WRENN_E_NOT_FOUND)) {
        char line[512];
        snprintf(line, sizeof(line), "sandbox %s may still run: %s", sandbox->id, wrenn_error_message(error));
        wrenn_client *client = sandbox->client;
        wrn_client_log(client, &(wrenn_log_event){.level = WRENN_LOG_WARNING, .message = line});
        wrn_client_settle(client);
    }
    wrenn_sandbox_free(sandbox);
}
