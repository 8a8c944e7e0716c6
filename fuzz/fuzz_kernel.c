/* Messages of a Jupyter kernel, one a line, to a run whose requests have the ids "id", "info" and "withdraw". */
#include "api/kernel.h"
#include "fuzz.h"
#include "wrenn/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wrn_kernel_run run;
    WRN_AUTO(wrn_buf_free) wrn_buf request = WRN_BUF_INIT;
    FUZZ_CHECK(wrn_kernel_begin(&run, 4096, NULL));
    wrn_kernel_request(&run, WRN_KERNEL_INFO, NULL, &request);
    wrn_kernel_request(&run, WRN_KERNEL_FENCE, NULL, &request);
    snprintf(run.msg_id, sizeof(run.msg_id), "id");
    snprintf(run.info_id, sizeof(run.info_id), "info");
    snprintf(run.withdraw_id, sizeof(run.withdraw_id), "withdraw");
    wrn_kernel_request(&run, WRN_KERNEL_EXECUTE, "1", &request);
    wrn_kernel_request(&run, WRN_KERNEL_WITHDRAW, NULL, &request);
    FUZZ_CHECK(!request.failed);
    const char *at = (const char *)data, *end = at + size;
    int rc = 0;
    while (rc == 0 && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        rc = wrn_kernel_message(&run, at, (size_t)(stop - at));
        FUZZ_CHECK(rc == 0 || rc == WRENN_E_PROTOCOL || rc == WRENN_E_LIMIT);
        at = stop + 1;
    }
    FUZZ_CHECK(run.out.size <= 4096 && run.err.size <= 4096);
    FUZZ_CHECK(run.started || !run.idle);
    wrn_kernel_end(&run);
    if (rc == 0) wrenn_code_execution_free(wrn_kernel_take(&run));
    wrn_kernel_clear(&run);
    return 0;
}
