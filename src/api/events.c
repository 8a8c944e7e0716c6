#include <stdio.h>

#include "api/operations.h"
#include "gen/requests.h"

enum { WAIT_MAX_MS = 3600 * 1000, WAIT_MARGIN_MS = 15000 };

const wrn_op_type wrn_events_list_type = {
    {"events list", "GET", "/events?after={after}&since_ms={time}&wait_sec={seconds}&sandbox={sandbox}", WRN_AUTH_ANY},
    .object = &wrn_model_event_page};

int wrn_events_list_prepare(wrenn_client *client, const wrenn_events_list_options *options, wrenn_op **op,
                            wrenn_error **error) {
    char since[24], seconds[24];
    wrenn_call_options call = options->call;
    wrenn_op *made;
    if (options->wait_ms < 0 || options->wait_ms > WAIT_MAX_MS)
        return wrn_refuse(error, "events list: wait_ms must be between 0 and %d", WAIT_MAX_MS);
    if (options->since_ms < 0) return wrn_refuse(error, "events list: since_ms must not be negative");
    snprintf(since, sizeof(since), "%lld", (long long)options->since_ms);
    snprintf(seconds, sizeof(seconds), "%lld", (long long)(options->wait_ms + 999) / 1000);
    const char *const args[] = {options->after, options->since_ms ? since : NULL, options->wait_ms ? seconds : NULL,
                                options->sandbox};
    if (!call.timeout_ms && options->wait_ms) call.timeout_ms = options->wait_ms + WAIT_MARGIN_MS;
    int rc = wrn_op_for_client(client, &wrn_events_list_type, &call, args, NULL, &made, error);
    if (rc != 0) return rc;
    if (wrn_op_add_parameters(made, "label", options->labels) && wrn_op_add_parameters(made, "type", options->types))
        return *op = made, 0;
    wrenn_op_free(made);
    return wrn_no_memory(error, "events list");
}
