/* Following a sandbox's status with one GET after another, through failures that are temporary. For create, wait_ready,
 * connect, pause and resume. */
#pragma once

#include "client/op.h"
#include "wrenn/models.h"

/* The beginning of such an operation; its op.sandbox is the one. */
typedef struct wrn_follower {
    wrenn_op op;
    int64_t interval_ms; /* between two looks; 0: half a second */
    int64_t from, to;    /* WRENN_SANDBOX_STATUS_*: before the change (0: any), and the one wanted */
    bool left;           /* a status other than `from` was seen */
    bool wait;           /* for `to`; else the first status that is seen is enough */
    bool seen;           /* one was */
    /* The status is `to`, or need not be waited for: ends. NULL: ends without a result. */
    void (*arrived)(wrenn_op *op);
    /* The sandbox is paused, and becomes `to` only after a resume: resumes it, or fails. NULL: fails. */
    void (*paused)(wrenn_op *op);
    bool looking;  /* the present call is a look */
    int malformed; /* looks in a row with a malformed response */
} wrn_follower;

/* A look, at once; also for `wake` of operation types. */
void wrn_follow_look(wrenn_op *op);
void wrn_follow_later(wrenn_op *op);
/* Judges op->sandbox->info, which is new: ends, or looks again later. */
void wrn_follow_judge(wrenn_op *op);
/* For `respond`: the answer to a look, or another one that describes the sandbox. Without content it leads to a look. */
void wrn_follow_respond(wrenn_op *op, wrn_http_response *response);
/* For `fail`: true when a look failed in a way that may be temporary; then there will be another look. */
bool wrn_follow_tolerates(wrenn_op *op, const wrenn_error *error);
/* Whether an error may be temporary. */
bool wrn_follow_passing(const wrenn_error *error);
/* Ends with a new reference to op->sandbox. */
void wrn_follow_give_handle(wrenn_op *op);
