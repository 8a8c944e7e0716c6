#include "api/operations.h"
#include "gen/requests.h"

enum { WAIT_MAX_MS = 3600 * 1000, WAIT_MARGIN_MS = 15000 };

const wrn_op_type wrn_events_list_type = {
    {"events list", "GET", "/events?after={after}&since_ms={time}&wait_sec={seconds}&sandbox={sandbox}", WRN_AUTH_ANY},
    .object = &wrn_model_event_page};

int wrn_events_list_prepare(wrenn_op *op, const wrenn_events_list_options *options, wrenn_error **error) {
    char since[WRN_NUMBER_SIZE], seconds[WRN_NUMBER_SIZE];
    const char *const args[] = {options->after, wrn_number(since, options->since_ms),
                                wrn_number(seconds, wrn_whole_seconds(options->wait_ms)), options->sandbox};
    int rc = wrn_op_check(op, error, {"wait_ms", options->wait_ms, 0, WAIT_MAX_MS},
                          {"since_ms", options->since_ms, 0, INT64_MAX});
    if (rc == 0) rc = wrn_op_call_type(op, args, NULL, error);
    if (options->wait_ms) wrn_op_limit(op, options->wait_ms + WAIT_MARGIN_MS);
    wrn_op_add_parameters(op, "label", options->labels);
    wrn_op_add_parameters(op, "type", options->types);
    return rc;
}
