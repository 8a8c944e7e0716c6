#include "wrenn/metrics.h"

#include "client/op.h"
#include "client/sandbox.h"
#include "gen/requests.h"

enum { TIMEOUT_MS = 30000 };

static void respond(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_model(op, response, &wrn_model_metrics);
}

static const wrn_op_type metrics_type = {.name = "metrics", .respond = respond};

int wrenn_sandbox_metrics_start(wrenn_sandbox *sandbox, const wrenn_metrics_options *options, wrenn_done_fn done,
                                void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_metrics_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_metrics_options", error);
    if (rc == 0) rc = wrn_op_new(sandbox ? sandbox->client : NULL, sandbox, &metrics_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call_sandbox(made, "GET", sandbox->id, "/metrics", NULL, NULL);
    if (known.range) {
        wrn_buf_puts(&made->path, "?range=");
        wrn_url_escape(&made->path, known.range);
    }
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandbox_metrics_finish(wrenn_op *op, wrenn_metrics **metrics, wrenn_error **error) {
    return wrn_op_take(op, &metrics_type, metrics, error);
}

int wrenn_sandbox_metrics(wrenn_sandbox *sandbox, const wrenn_metrics_options *options, wrenn_metrics **metrics,
                          wrenn_error **error) {
    WRN_BLOCKING(sandbox ? sandbox->client : NULL,
                 wrenn_sandbox_metrics_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_metrics_finish(op, metrics, error));
}

void wrenn_metrics_free(wrenn_metrics *metrics) { wrn_result_free(metrics); }
