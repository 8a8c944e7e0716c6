/* The handle on one sandbox. */
#ifndef WRN_CLIENT_SANDBOX_H
#define WRN_CLIENT_SANDBOX_H

#include <stdbool.h>

#include "client/client.h"
#include "wrenn/sandbox.h"

struct wrenn_sandbox {
    int refs; /* the caller's, and one for each operation on it */
    wrenn_client *client;
    char *id;
    wrenn_sandbox_info *info;            /* what the server said last, or NULL */
    bool destroyed;                      /* through this handle */
    struct wrenn_code_context *contexts; /* of run_code, freed through forget_contexts */
    void (*forget_contexts)(struct wrenn_code_context *first);
};

/* NULL when out of memory. Takes `info` over, which may be NULL. */
wrenn_sandbox *wrn_sandbox_new(wrenn_client *client, const char *id, wrenn_sandbox_info *info);
void wrn_sandbox_ref(wrenn_sandbox *sandbox);
void wrn_sandbox_unref(wrenn_sandbox *sandbox);
/* wrenn_sandbox_free() for handles that are results. */
void wrn_sandbox_free_result(void *sandbox);
/* Replaces what the server said last. */
void wrn_sandbox_update(wrenn_sandbox *sandbox, wrenn_sandbox_info *info);

#endif
