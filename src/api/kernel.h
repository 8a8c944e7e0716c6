/* What a Jupyter kernel says while it runs code, collected: messages in, a wrenn_execution out. No network. */
#ifndef WRN_API_KERNEL_H
#define WRN_API_KERNEL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wrenn/code.h"

typedef struct wrn_kernel_run {
    char msg_id[33], session[33]; /* of our request */
    wrenn_execution *execution;   /* a result with an arena of its own */
    wrn_buf out, err;             /* limited */
    size_t kept, kept_max;        /* bytes of results */
    const wrenn_code_result **results;
    size_t capacity;
    wrenn_code_callbacks callbacks;
    bool idle; /* the kernel is done with it */
    bool died;
} wrn_kernel_run;

/* False when out of memory. */
bool wrn_kernel_begin(wrn_kernel_run *run, size_t output_max, const wrenn_code_callbacks *callbacks);
/* Appends the request as a message of the Jupyter protocol (version 5.3). */
void wrn_kernel_request(const wrn_kernel_run *run, const char *code, wrn_buf *out);
/* One message. 0, or WRENN_E_PROTOCOL, _LIMIT or _NO_MEMORY. */
int wrn_kernel_message(wrn_kernel_run *run, const char *data, size_t size);
/* Hands the execution out; NULL when out of memory. */
wrenn_execution *wrn_kernel_take(wrn_kernel_run *run);
void wrn_kernel_clear(wrn_kernel_run *run);

#endif
