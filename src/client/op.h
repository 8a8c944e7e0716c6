/* The operation: one state machine behind the three forms of each call, X(), X_start() and X_finish().
 *
 * An operation makes one call after another until it is finished or failed. For each call the core picks the path
 * family, sends, repeats what may be repeated, and turns bad answers into errors; `respond` sees only answers of 2xx.
 * One deadline covers all calls. An operation of one call is a row: its wrn_op_type says what is sent and what comes
 * back.
 *
 *     PARKED (the server's era or features are being found out) -> IN_FLIGHT -> WAITING (for a retry or a delay) -> ... ->
 * DONE */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/model.h"
#include "client/arguments.h"
#include "client/client.h"
#include "client/error.h"
#include "net/http.h"
#include "net/loop.h"
#include "wrenn/client.h"

typedef enum wrn_op_state { WRN_OP_NEW, WRN_OP_PARKED, WRN_OP_IN_FLIGHT, WRN_OP_WAITING, WRN_OP_DONE } wrn_op_state;

/* Which credential a route takes. */
typedef enum wrn_auth { WRN_AUTH_NONE, WRN_AUTH_TOKEN, WRN_AUTH_ANY } wrn_auth;

enum { WRN_OP_TIMEOUT_MS = 30000 };

typedef struct wrn_op_type {
    struct {
        const char *name; /* for messages: "exec" */
        /* The first call. NULL: the operation sets it up itself. */
        const char *method;
        /* Below /v1. Each {what} is replaced by an argument, escaped. In the path an argument must not be empty; the
         * error names it. In the query (?name={what}&...) an argument may be NULL, which leaves the parameter out. A
         * path that begins with /sandboxes goes to the collection of the server's era; its {sandbox id} is that of
         * op->sandbox. */
        const char *path;
        wrn_auth auth;
    };
    int64_t timeout_ms;    /* default time limit; 0: WRN_OP_TIMEOUT_MS */
    const wrn_model *body; /* of the request; NULL: none */
    /* The answer is such an object, or an array of them, in its member `list_in` or (NULL) by itself; both NULL: it
     * does not matter. */
    const wrn_model *object, *list;
    const char *list_in;

    size_t size; /* of the struct that starts with a wrenn_op; 0: a plain wrenn_op */
    /* Fills in what that struct adds. False when out of memory. May be NULL. */
    bool (*init)(wrenn_op *op);
    /* Its first step. NULL: sends the call. */
    void (*begin)(wrenn_op *op);
    /* It goes on after the function that starts it has returned: copies what is the caller's. False when out of memory. May
     * be NULL. */
    bool (*keep)(wrenn_op *op);
    const struct wrn_stream_type *stream; /* of operations that open one; see client/stream.h */
    /* An answer of 2xx. Must finish, fail, make the next call or delay. NULL: as `object` and `list` say. */
    void (*respond)(wrenn_op *op, wrn_http_response *response);
    /* The call failed for good, or the deadline passed. Returns true when the operation goes on in another way;
     * otherwise the operation ends with this error. May be NULL. */
    bool (*fail)(wrenn_op *op, const wrenn_error *error);
    /* The delay of wrn_op_delay() is over. May be NULL. */
    void (*wake)(wrenn_op *op);
    /* Frees what the larger struct holds. May be NULL. */
    void (*clear)(wrenn_op *op);
    bool follows;    /* waits for a status of its sandbox; a timeout reports the last one seen */
    bool any_status; /* `respond` sees answers of every status */
    bool keyed;      /* servers with WRN_FEATURE_IDEMPOTENCY_KEY obey the key here: its POST may be repeated */
    /* For calls that are not HTTP exchanges: makes the current call, which ends in wrn_op_answered() or ends the
     * operation. May be NULL. */
    void (*send)(wrenn_op *op);
    /* Ends what is not an HTTP exchange; may be called more than once. May be NULL. */
    void (*stop)(wrenn_op *op);
    /* The operation is about to end because it was cancelled or (`late`) timed out. May leave work to another operation
     * with wrn_op_hand_over(). May be NULL. */
    void (*abandon)(wrenn_op *op, bool late);
    /* The operation was cancelled after its end and is freed, and nobody took its result, which still exists: a chance
     * to undo what was made. May be NULL. */
    void (*drop)(wrenn_op *op);
} wrn_op_type;

/* The shape of all public lists: a result whose arena holds the items. */
typedef struct wrn_list {
    const void *const *items;
    size_t items_count;
    const char *next; /* of those that come in pages */
} wrn_list;

struct wrenn_op {
    const wrn_op_type *type;
    wrenn_client *client;
    wrenn_sandbox *sandbox;    /* a reference, or NULL */
    wrenn_op *previous, *next; /* among the client's unfinished ones */
    wrenn_op *next_completed;
    int refs;        /* the caller's and the core's */
    bool background; /* not started by the caller: it cleans up after another one */
    bool limited;    /* its caller has set its time limit */
    unsigned needs; /* WRN_FEATURE_*: without them nothing is sent; a server that says nothing of them is asked first */
    wrn_op_state state;
    wrn_timer timer, deadline;
    void (*begin)(wrenn_op *op); /* its first step, until that was taken */

    wrn_arena arena; /* of what lives as long as the operation */
    wrn_list *list;  /* so far; NULL: nothing */
    wrn_buf extra;   /* header fields of the caller's, a line each: for calls to the API */
    wrn_buf key;     /* idempotency key of what it POSTs; empty: none */

    /* The present call. */
    const char *method;
    wrn_buf path; /* below /v1; below the collection when `collection` is set */
    bool collection;
    wrn_auth auth;
    wrn_buf body;
    wrn_buf idempotency_key;       /* empty: none */
    wrn_buf url, host;             /* empty: the call goes to the API; else to this URL with this Host field */
    wrn_buf fields;                /* header fields for such a call */
    const wrn_http_source *source; /* instead of `body`, in the format of `content_type`; NULL: none */
    const char *content_type;
    const wrn_http_sink *sink; /* where the answer's body goes; NULL: to `respond` */
    wrn_exchange *exchange;
    int attempt;
    bool reached; /* an attempt at this call may have got to the server */

    bool given_up;      /* cancelled when it was over already */
    bool cancel_wanted; /* it ends as cancelled as soon as possible; only `done` is still called */
    wrenn_timings timings;
    wrenn_error *error;
    bool taken; /* by _finish */
    void *result;
    void (*free_result)(void *result);
    int64_t number; /* the result of wrn_op_finish_number() */
    wrenn_done_fn done;
    void *user_data;
};

/* Makes an operation that is not started yet, of a client or of a handle (then `client` may be NULL). `call`: the caller's
 * options; NULL: none. Without a time limit it has the client's default, or else that of the type. Fails when out of memory,
 * with a closed client, or in the wrong process. */
int wrn_op_new(wrenn_client *client, wrenn_sandbox *sandbox, const wrn_op_type *type, const wrenn_call_options *call,
               wrenn_op **ret, wrenn_error **error);
/* For an operation that is not started: its time limit, if its caller has set none. */
void wrn_op_limit(wrenn_op *op, int64_t timeout_ms);
/* Starts it; `ret` may be NULL. Takes ownership of `op` in any case. */
int wrn_op_start(wrenn_op *op, wrenn_done_fn done, void *user_data, wrenn_op **ret, wrenn_error **error);
/* Makes and starts one whose row says all; the parameters of wrn_op_new(), wrn_op_call_type() and wrn_op_start(). */
int wrn_op_start_row(wrenn_client *client, wrenn_sandbox *sandbox, const wrn_op_type *type,
                     const wrenn_call_options *options, const char *const *args, wrenn_done_fn done, void *user_data,
                     wrenn_op **ret, wrenn_error **error);

/* 0 when `flags` has only those of `known`; `names` says to callers which these are. */
int wrn_op_check_flags(const wrn_op_type *type, uint64_t flags, uint64_t known, const char *names, wrenn_error **error);

/* 0 when each number is in its range: wrn_op_check(op, error, {"size", size, 0, INT64_MAX}, ...). */
typedef struct wrn_range {
    const char *name;
    int64_t value, min, max;
} wrn_range;
#define wrn_op_check(op, error, ...) wrn_op_check_ranges(op, (const wrn_range[]){__VA_ARGS__, {0}}, error)
int wrn_op_check_ranges(const wrenn_op *op, const wrn_range *ranges, wrenn_error **error);

/* A copy that lives as long as the operation. NULL: there is no text, or no memory, and then the present call fails too. */
const char *wrn_op_keep(wrenn_op *op, const char *text);

/* Sets the call of its type up. `args`: for each {what} of the path but {sandbox id} of a handle; NULL: there are none.
 * `request`: the struct of type->body, or NULL. */
int wrn_op_call_type(wrenn_op *op, const char *const *args, const void *request, wrenn_error **error);
/* Adds to the query of a call of its type: the parameter once for each value. `values` may be NULL. */
void wrn_op_add_parameters(wrenn_op *op, const char *name, const char *const *values);
/* Sets the present call up: to the collection of sandboxes, in whichever era ("/" id, then `suffix`; NULL id: the
 * collection itself), with the struct `request` of `model` as its JSON body (NULL: none). */
void wrn_op_call_sandbox(wrenn_op *op, const char *method, const char *id, const char *suffix, const wrn_model *model,
                         const void *request);
/* Sets up a call that every server answers in some way; the answer shows its features. */
void wrn_op_call_any(wrenn_op *op);
/* To a URL elsewhere, without credentials; the caller fills op->body and op->fields, and op->host if need be. */
void wrn_op_call_url(wrenn_op *op, const char *method, const char *url);
/* Sends the present call; for types that make more than one. */
void wrn_op_send(wrenn_op *op);
/* Where the present call goes. */
bool wrn_op_url(const wrenn_op *op, wrn_buf *url);
/* The outcome of an exchange that type->send made. */
void wrn_op_answered(wrenn_op *op, wrn_http_response *response);
/* Calls type->wake after the delay. */
void wrn_op_delay(wrenn_op *op, int64_t delay_ms);
/* Moves the deadline: for cleaning up after a failure, and for operations that may last while data moves. */
void wrn_op_extend(wrenn_op *op, int64_t timeout_ms);

/* Makes and starts an operation that the library itself needs to clean up after `from`, also in a client that is being
 * freed. It has the sandbox, the header fields and the idempotency key of `from`. The caller sets its call up at once.
 * NULL when out of memory. */
wrenn_op *wrn_op_background(const wrenn_op *from, const wrn_op_type *type, int64_t timeout_ms);
/* Moves the present call of `from` to `op`, even while it is in flight. True when `op` will get the response. */
bool wrn_op_hand_over(wrenn_op *from, wrenn_op *op);
/* Cancels the operations that the caller has started; with `all` those in the background too. */
void wrn_ops_cancel(wrenn_client *client, bool all);
/* Runs the callbacks of operations that are over; returns how many. */
int wrn_ops_run_done(wrenn_client *client);

/* Ends. The result belongs to the operation until _finish takes it. */
void wrn_op_finish(wrenn_op *op, void *result, void (*free_result)(void *result));
/* Ends with a number, for wrn_op_take_number(). */
void wrn_op_finish_number(wrenn_op *op, int64_t number);
void wrn_op_fail(wrenn_op *op, wrenn_error *error);

/* The same with a new error, whose text begins with the name of the operation. */
void wrn_op_fail_as(wrenn_op *op, int code, const char *format, ...) WRN_PRINTF(3, 4);
/* That error alone. */
wrenn_error *wrn_op_error(const wrenn_op *op, int code, const char *format, ...) WRN_PRINTF(3, 4);

/* `respond` for an answer without content. */
void wrn_op_respond_nothing(wrenn_op *op, wrn_http_response *response);
/* The object of `model` in an answer, freed with wrn_result_free(); NULL after failing the operation. */
void *wrn_op_decode(wrenn_op *op, const wrn_http_response *response, const wrn_model *model);

/* For answers of other shapes. The answer as JSON, where null is NULL; false after failing the operation. */
bool wrn_op_parse(wrenn_op *op, const wrn_http_response *response, wrn_json **json);
/* wrn_op_decode() of a part of the answer. */
void *wrn_op_decode_part(wrenn_op *op, const wrn_http_response *response, const wrn_json *object,
                         const wrn_model *model);
/* Appends the objects of `model` in `array` to op->list; false after failing the operation. */
bool wrn_op_append(wrenn_op *op, const wrn_http_response *response, const wrn_json *array, const wrn_model *model);
/* Ends with op->list. */
void wrn_op_finish_list(wrenn_op *op);
/* Ends with WRENN_E_PROTOCOL, or WRENN_E_NO_MEMORY. */
void wrn_op_fail_malformed(wrenn_op *op, const wrn_http_response *response, const char *why);
void wrn_op_fail_no_memory(wrenn_op *op);

/* Second half of a _finish: checks that `op` is of `type` and over, then hands out result or error. */
int wrn_op_take(wrenn_op *op, const wrn_op_type *type, void *result, wrenn_error **error);
int wrn_op_take_number(wrenn_op *op, const wrn_op_type *type, int64_t *number, wrenn_error **error);

/* 0 when the client may block now. */
int wrn_op_may_block(wrenn_client *client, wrenn_error **error);
/* `done` of the blocking form: an operation is not started when its client must not block now. */
void wrn_op_blocking(wrenn_op *op, void *user_data);
/* Runs the loop until `op` is over; returns `op`. */
wrenn_op *wrn_op_wait(wrenn_op *op);

/* To be checked before each callback other than `done`: false when there must not be one. */
bool wrn_op_is_wanted(const wrenn_op *op);

void wrn_op_ref(wrenn_op *op);
void wrn_op_freep(wrenn_op **op);
