/* Following a sandbox's status, look by look, through trouble that passes: create, wait_ready, connect, pause and resume do
 * it. What they are content with is their own business. */
#ifndef WRN_API_FOLLOW_H
#define WRN_API_FOLLOW_H

#include "client/op.h"
#include "wrenn/models.h"

enum { WRN_FOLLOW_INTERVAL_MS = 500 };

/* The beginning of such an operation; its op.sandbox is the one. */
typedef struct wrn_follower {
    wrenn_op op;
    int64_t interval_ms;        /* between two looks */
    void (*seen)(wrenn_op *op); /* op->sandbox->info is new: ends, goes on otherwise, or wrn_follow_later() */
    bool looking;               /* the present call is a look */
    int nonsense;               /* looks in a row whose answer made no sense */
} wrn_follower;

/* A look, at once; also for `wake` of operation types. */
void wrn_follow_look(wrenn_op *op);
void wrn_follow_later(wrenn_op *op);
/* For `respond`: the answer to a look, or another one that describes the sandbox. Without content it leads to a look. */
void wrn_follow_respond(wrenn_op *op, wrn_http_response *response);
/* For `fail`: true when a look met with trouble that may be over next time. */
bool wrn_follow_tolerates(wrenn_op *op, const wrenn_error *error);
/* Whether an error may be over when somebody tries again. */
bool wrn_follow_passing(const wrenn_error *error);

typedef enum wrn_verdict { WRN_FOLLOW_READY, WRN_FOLLOW_MOVING, WRN_FOLLOW_PAUSED, WRN_FOLLOW_NEVER } wrn_verdict;
/* What a status means to somebody who waits until it runs. One that this version does not know may still pass. */
wrn_verdict wrn_follow_judge(const wrenn_sandbox_info *info);

#endif
