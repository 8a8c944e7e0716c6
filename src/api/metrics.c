#include "api/operations.h"
#include "gen/requests.h"

const wrn_op_type wrn_sandbox_metrics_type = {
    {"metrics", "GET", "/sandboxes/{sandbox id}/metrics?range={range}", WRN_AUTH_ANY},
    .object = &wrn_model_metrics};

int wrn_sandbox_metrics_prepare(wrenn_sandbox *sandbox, const wrenn_sandbox_metrics_options *options, wrenn_op **op,
                                wrenn_error **error) {
    const char *const args[] = {options->range};
    return wrn_op_for_sandbox(sandbox, &wrn_sandbox_metrics_type, &options->call, args, NULL, op, error);
}
