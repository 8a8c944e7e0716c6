/* What a Jupyter kernel says while it runs code, collected: messages in, a wrenn_code_execution out. No network, no clock.
 *
 * A kernel speaks on two channels whose order to each other is not fixed: "iopub" has what is shown, between "busy" and
 * "idle"; "shell" has the reply with the outcome. One may be lost while the other is not, so both are looked at. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "wrenn/code.h"

/* Each start of a kernel has a name of its own, which is in all that it says (the session of its messages). */
enum { WRN_KERNEL_LIFE_SIZE = 80 };

/* Something displayed, as long as nothing has taken it away. */
typedef struct wrn_shown {
    wrenn_code_result *result; /* with an arena of its own; NULL: cleared */
    char *display_id;          /* or NULL */
    size_t size;               /* of what is kept for it */
    bool is_page;              /* beside the output, so that clear_output() does not take it away */
} wrn_shown;

typedef struct wrn_kernel_run {
    char session[WRN_RANDOM_NAME_SIZE];
    char msg_id[WRN_RANDOM_NAME_SIZE], info_id[WRN_RANDOM_NAME_SIZE],
        withdraw_id[WRN_RANDOM_NAME_SIZE]; /* of our requests */
    wrenn_code_execution *execution;       /* a result with an arena of its own */
    const wrenn_code_error *replied_error; /* of the reply */
    wrn_buf out, err;                      /* limited */
    size_t kept, kept_max;                 /* bytes of what is shown */
    wrn_shown *shown;
    size_t shown_count, shown_capacity;
    wrenn_code_callbacks callbacks;
    char life[WRN_KERNEL_LIFE_SIZE]; /* of the kernel that answered wrn_kernel_ask(); "": it did not say */
    bool clear_next;                 /* with the next output */
    bool info_replied;               /* the kernel is free */
    bool info_heard;                 /* and what it shows comes here */
    bool fenced;                     /* asked for the second time */
    bool started;                    /* our code */
    bool idle;                       /* and what it had to show is all here */
    bool replied, aborted;           /* aborted: it was thrown away before it started */
    bool withdraw_replied;           /* the kernel knows that it must not start it any more, */
    bool withdraw_heard;             /* and if it had, that would have been heard before this */
    bool died;                       /* and comes back empty */
    bool gone;                       /* for good */
} wrn_kernel_run;

/* False when out of memory. */
bool wrn_kernel_begin(wrn_kernel_run *run, size_t output_max, const wrenn_code_callbacks *callbacks);
void wrn_kernel_clear(wrn_kernel_run *run);

/* Requests as messages of the Jupyter protocol (version 5.3). */
typedef enum wrn_kernel_asks {
    WRN_KERNEL_INFO,    /* whether the kernel is there: it answers when it is free */
    WRN_KERNEL_FENCE,   /* the same once more, behind which nothing of what came before it can come */
    WRN_KERNEL_EXECUTE, /* the code */
    WRN_KERNEL_WITHDRAW /* not to run it, if it has not started; kernels made with ipykernel know this one */
} wrn_kernel_asks;
/* Appends one. `code`: to be executed, else NULL. */
void wrn_kernel_request(wrn_kernel_run *run, wrn_kernel_asks what, const char *code, wrn_buf *out);

/* One message. 0, or WRENN_E_PROTOCOL, _LIMIT or _NO_MEMORY. */
int wrn_kernel_message(wrn_kernel_run *run, const char *data, size_t size);
/* No more will come: what only the reply has told becomes the outcome. */
void wrn_kernel_end(wrn_kernel_run *run);
/* Hands the execution out; NULL when out of memory. */
wrenn_code_execution *wrn_kernel_take(wrn_kernel_run *run);
/* wrenn_code_execution_free() for results of operations. */
void wrn_kernel_free_execution(void *data);
