/* Messages of a Jupyter kernel, one a line, to a run whose request has the id "id". */
#include "api/kernel.h"
#include "fuzz.h"
#include "wrenn/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wrn_kernel_run run;
    WRN_AUTO(wrn_buf_free) wrn_buf request = WRN_BUF_INIT;
    FUZZ_CHECK(wrn_kernel_begin(&run, 4096, NULL));
    snprintf(run.msg_id, sizeof(run.msg_id), "id");
    wrn_kernel_request(&run, "1", &request);
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
    if (rc == 0) wrenn_execution_free(wrn_kernel_take(&run));
    wrn_kernel_clear(&run);
    return 0;
}
