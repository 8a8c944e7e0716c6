/* What a sandbox uses: processor, memory and disk over time. */
#ifndef WRENN_METRICS_H
#define WRENN_METRICS_H

#include "wrenn/sandboxes.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wrenn_sandbox_metrics_options {
    size_t struct_size; /* from WRENN_SANDBOX_METRICS_OPTIONS_INIT */
    wrenn_call_options call;
    const char *range; /* "5m", "10m", "1h", "2h", "6h", "12h" or "24h"; default: the server's ("10m") */
} wrenn_sandbox_metrics_options;
#define WRENN_SANDBOX_METRICS_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_metrics_options), WRENN_CALL_OPTIONS_ZERO, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_metrics_options_init(wrenn_sandbox_metrics_options *options, size_t size);

/* The points of a time range that ends now, oldest first (GET .../metrics). `options` may be NULL. For a paused sandbox
 * they end with the pause. Blocks (30 s). The caller frees *metrics with wrenn_metrics_free(). Fails with
 * WRENN_E_VALIDATION (the server does not know the range), WRENN_E_NOT_FOUND (also when the sandbox neither runs nor is
 * paused). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_metrics(wrenn_sandbox *sandbox,
                                                    const wrenn_sandbox_metrics_options *options,
                                                    wrenn_metrics **metrics, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_metrics_start(wrenn_sandbox *sandbox,
                                                          const wrenn_sandbox_metrics_options *options,
                                                          wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                          wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_metrics_finish(wrenn_op *op, wrenn_metrics **metrics, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_metrics_free(wrenn_metrics *metrics);

#ifdef __cplusplus
}
#endif

#endif
