#include "api/operations.h"
#include "gen/requests.h"

const wrn_op_type wrn_sandbox_metrics_type = {
    {"metrics", "GET", "/sandboxes/{sandbox id}/metrics?range={range}", WRN_AUTH_ANY},
    .object = &wrn_model_metrics};

int wrn_sandbox_metrics_prepare(wrenn_op *op, const wrenn_sandbox_metrics_options *options, wrenn_error **error) {
    return wrn_op_call_type(op, &options->range, NULL, error);
}
