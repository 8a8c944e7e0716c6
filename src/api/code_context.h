/* Contexts of run_code: which kernel, and whose turn it is.
 *
 * A kernel does one thing at a time, and so does a context: its operations take turns, in the order in which they were
 * started. That keeps two first ones from making two kernels, and code that waits from being sent. */
#pragma once

#include <stdbool.h>

#include "api/kernel.h"
#include "client/op.h"
#include "wrenn/code.h"

enum { WRN_JUPYTER_PORT = 8888 };

/* An operation in the queue of a context. */
typedef struct wrn_code_turn {
    struct wrn_code_turn *next;
    wrenn_op *op;
    void (*restarted)(wrenn_op *op, bool done); /* for the first one: a restart of the kernel is over */
} wrn_code_turn;

typedef enum wrn_kernel_kind {
    WRN_KERNEL_OWN,    /* made for this context */
    WRN_KERNEL_ANY,    /* any of that name */
    WRN_KERNEL_DEFAULT /* of run_code without a context; shared by all handles on the sandbox */
} wrn_kernel_kind;

struct wrenn_code_context {
    int refs; /* the caller's or the sandbox handle's, and one for each operation on it */
    wrenn_sandbox *sandbox;
    wrenn_client *client;
    wrn_kernel_kind kind;
    char *id;                        /* of the kernel; NULL: none yet */
    char *asked;                     /* the name asked for; NULL: the server's default */
    char *kernel;                    /* the name, once it is known */
    bool made;                       /* by this context */
    char *session;                   /* of Jupyter's, for a default kernel; its name is `life`, for other programs */
    char life[WRN_KERNEL_LIFE_SIZE]; /* of the kernel that has our state; "": of any */
    int restarting;
    wrn_code_turn *turns;
    wrenn_code_context *next; /* among those of the handle */
};

/* NULL when out of memory. */
wrenn_code_context *wrn_code_context_new(wrenn_sandbox *sandbox, const char *asked, wrn_kernel_kind kind);
/* The one of the handle for kernels of this name; not a new reference. NULL when out of memory. */
wrenn_code_context *wrn_code_context_default(wrenn_sandbox *sandbox, const char *asked);
void wrn_code_context_unref(wrenn_code_context *context);
/* Replaces a text of it; false when out of memory. */
bool wrn_code_context_set(char **slot, const char *text);
/* The kernel is gone: the one of the handle is looked for anew with the next call. */
void wrn_code_context_forget(wrenn_code_context *context);

/* The state of the kernel was given up, or its loss told. */
void wrn_code_context_expect_nothing(wrenn_code_context *context);

/* Queues `turn`; true when it is first. */
bool wrn_code_context_enter(wrenn_code_context *context, wrn_code_turn *turn);
/* Takes it out, if it is in; who is first then is woken up, through type->wake. */
void wrn_code_context_leave(wrenn_code_context *context, wrn_code_turn *turn);

/* Sets up a call to the Jupyter server; `id`: of the kernel that goes between `path` and `suffix`, or NULL. */
void wrn_jupyter_call(wrenn_op *op, const char *method, const char *path, const char *id, const char *suffix,
                      const char *body);

/* Makes an operation on the kernel of a context, with its call. */
int wrn_code_context_op(wrenn_code_context *context, const wrn_op_type *type, const wrenn_call_options *options,
                        wrenn_op **op, wrenn_error **error);
