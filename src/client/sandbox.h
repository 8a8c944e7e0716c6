/* The handle on one sandbox. */
#pragma once

#include <stdbool.h>

#include "client/client.h"
#include "wrenn/sandbox.h"

struct wrenn_sandbox {
    int refs; /* the caller's, and one for each operation on it */
    wrenn_client *client;
    char *id;
    char *user;                          /* as whom everything is done in it, unless options say otherwise; NULL */
    wrenn_sandbox_info *info;            /* what the server said last, or NULL */
    bool destroyed;                      /* through this handle */
    struct wrenn_code_context *contexts; /* of run_code, freed through forget_contexts */
    void (*forget_contexts)(struct wrenn_code_context *first);
};

/* NULL when out of memory. Takes `info` over, which may be NULL. */
wrenn_sandbox *wrn_sandbox_new(wrenn_client *client, const char *id, wrenn_sandbox_info *info);
/* As whom something is done: who is named in its options, which may be NULL, else the handle's user, else NULL. */
const char *wrn_sandbox_user(const wrenn_sandbox *sandbox, const char *named);
void wrn_sandbox_ref(wrenn_sandbox *sandbox);
void wrn_sandbox_unref(wrenn_sandbox *sandbox);
/* wrenn_sandbox_free() for handles that are results. */
void wrn_sandbox_free_result(void *sandbox);
/* Replaces what the server said last. */
void wrn_sandbox_update(wrenn_sandbox *sandbox, wrenn_sandbox_info *info);
