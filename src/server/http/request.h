/* A request and its one answer.
 *
 * The handler of a request ends it with exactly one wrn_reply_*() call, at once or later; that call frees it. The handler
 * need not care whether the client is still there.
 *
 * Bodies and answers can be streamed, and a connection can be taken over; see below. A stream is crowded when more than
 * WRN_HIGH_WATER is unsent, or less when the budget (http/budget.h) is spent. Its producer must then stop until `on_room` or
 * `room` is called. */
#pragma once

#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/model.h"
#include "server/http/http1.h"
#include "server/store/ids.h"
#include "wire/faults.h"

/* JSON of more than JSON_SMALL bytes is parsed and written by workers. VALUES_MAX: the most values, of any type, in the JSON
 * of a request. */
enum { WRN_PARAMS_MAX = 2, WRN_HIGH_WATER = 256 * 1024, WRN_JSON_SMALL = 16 * 1024, WRN_JSON_VALUES_MAX = 16384 };

/* The caller. A key acts for its team, a token for a user in a team. */
typedef struct wrn_identity {
    char team_id[WRN_ID_SIZE];
    char user_id[WRN_ID_SIZE]; /* "" for a key */
    char key_id[WRN_ID_SIZE];  /* "" for a token */
} wrn_identity;

typedef struct wrn_request {
    void *app; /* the handler's context */
    uv_loop_t *loop;
    struct wrn_conn *conn; /* NULL once the client has gone */
    const void *route;     /* that was selected */
    wrn_http_head head;
    wrn_buf body;
    wrn_buf fields;     /* response fields, as lines */
    const char *reason; /* phrase of the response; NULL: the standard one */
    wrn_arena arena;
    const char *params[WRN_PARAMS_MAX]; /* path parameters, decoded */
    wrn_identity who;
    size_t body_max;           /* 0: the server's limit */
    size_t uncharged, charged; /* to the budget; given back with the request */
    int64_t started_us;
    struct wrn_decoded *decoded; /* NULL: the body is not decoded yet */
    bool (*confirm)(void *app);  /* see wrn_request_confirm() */
    void *handler;               /* state of the handler, for the callbacks below */
    /* Set by handlers of streamed bodies. */
    void (*on_piece)(struct wrn_request *request, const char *data, size_t size);
    void (*on_body_end)(struct wrn_request *request);
    /* The client is gone before the end of the body or of a streamed answer. The request must still be ended. */
    void (*on_gone)(struct wrn_request *request);
    /* The server stops: answer soon. Of requests that wait for something; may be NULL. */
    void (*on_stop)(struct wrn_request *request);
    /* A streamed answer is no longer crowded. */
    void (*on_room)(struct wrn_request *request);
    /* wrn_http_handler.answered */
    void (*answered)(void *app, const struct wrn_request *request, int status);
} wrn_request;

/* The peer: an address with its port, "uid N" for a Unix socket, or "" once the client has gone. */
void wrn_request_peer(const wrn_request *request, char *out, size_t size);
/* Whether the client is known to have gone, so that nobody hears the answer. Looks at the socket now, not at the next sweep. */
bool wrn_request_is_unheard(const wrn_request *request);
/* Whether the peer is on this machine and is no proxy for another. */
bool wrn_request_is_local(const wrn_request *request);
/* `value` must not hold line breaks. */
void wrn_request_add_field(wrn_request *request, const char *name, const char *value);

/* Whom the work of its connection is charged to from now on (turns.h): a sandbox's id, or a team's. */
void wrn_request_set_owner(const wrn_request *request, const char *id);
/* Charges the budget (http/budget.h). False when it is spent: answer "overloaded". */
bool wrn_request_charge(wrn_request *request, size_t bytes);

/* The answer. Frees the request and `body`. */
void wrn_reply_json(wrn_request *request, int status, wrn_json *body);
void wrn_reply_model(wrn_request *request, int status, const wrn_model *model, const void *value);
void wrn_reply_empty(wrn_request *request, int status);
void wrn_reply_bytes(wrn_request *request, int status, const char *type, const void *data, size_t size);
/* Frees the buffer, too, which must not be in the request's arena. */
void wrn_reply_buf(wrn_request *request, int status, const char *type, wrn_buf *body);
/* Unless the answer is an error, `confirm` is called on a worker first; if it returns false, the answer is db_error. */
void wrn_request_confirm(wrn_request *request, bool (*confirm)(void *app));
/* {"error":{"code","message"}} with the status of the code. */
WRN_PRINTF(3, 4) void wrn_reply_error(wrn_request *request, wrn_fault_code code, const char *format, ...);
/* The same with another status. */
WRN_PRINTF(4, 5)
void wrn_reply_error_as(wrn_request *request, int status, wrn_fault_code code, const char *format, ...);
/* An error about the request itself. */
#define wrn_reply_invalid(request, ...) wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, __VA_ARGS__)
/* The same for functions that return false once they have answered. */
#define wrn_refuse(...) (wrn_reply_error(__VA_ARGS__), false)
#define WRN_DB_FAILED "the database failed; see wrennd's log"
void wrn_reply_db_error(wrn_request *request);
/* The envelope as JSON, for errors with more members. */
wrn_json *wrn_error_envelope(wrn_fault_code code, const char *message);

/* ---- streamed bodies ----
 *
 * The handler of a route with `streams` runs as soon as the head has arrived. It sets on_piece, on_body_end and on_gone, or
 * answers at once. */

/* Stops or continues reading; what was read already still comes. */
void wrn_request_pause(wrn_request *request, bool pause);

/* ---- streamed answers ---- */

/* Sends the head. `length` -1: unknown. */
void wrn_reply_begin(wrn_request *request, int status, const char *type, int64_t length);
/* Copies the data. Does nothing once the client is gone. */
void wrn_reply_piece(wrn_request *request, const void *data, size_t size);
bool wrn_reply_is_crowded(const wrn_request *request);
/* Ends the request. If the answer is not `whole`, the connection is aborted, so that the client notices. */
void wrn_reply_end(wrn_request *request, bool whole);

/* ---- taps: connections that were taken over and no longer carry HTTP ---- */

typedef struct wrn_conn wrn_tap;

typedef struct wrn_tap_events {
    void (*data)(void *context, const char *data, size_t size);
    void (*room)(void *context); /* it is no longer crowded; may be NULL */
    /* The connection ended: the tap is gone when this returns. Not called after close or abort. */
    void (*gone)(void *context);
    void (*stop)(void *context); /* the server stops: close soon. NULL: the tap is aborted. */
    /* The peer has shut down its sending side. NULL: that counts as gone. */
    void (*end)(void *context);
    bool little;                 /* data comes in pieces of 16 KiB at most, because each byte may cause much work */
    void (*sent)(void *context); /* nothing is unsent; may be NULL */
} wrn_tap_events;

/* Answers with `head`, a complete response head, and frees the request. Nothing is read before wrn_tap_read(). NULL when
 * the client is gone. */
wrn_tap *wrn_request_take_over(wrn_request *request, const char *head, const wrn_tap_events *events, void *context);
void wrn_tap_read(wrn_tap *tap, bool on);
/* A stranger has not authenticated yet: its connection may be closed to make room for others. */
void wrn_tap_set_stranger(wrn_tap *tap, bool stranger);
/* A peer whose machine acknowledges nothing of what is sent for so long is gone. */
void wrn_tap_set_patience(wrn_tap *tap, unsigned seconds);
/* Like wrn_request_set_owner(). */
void wrn_tap_set_owner(wrn_tap *tap, const char *id);
/* Copies the data. `gone` is never called from inside. */
void wrn_tap_write(wrn_tap *tap, const void *data, size_t size);
size_t wrn_tap_unsent(const wrn_tap *tap);
bool wrn_tap_is_crowded(const wrn_tap *tap);
/* Closes once everything is sent. No event follows. */
void wrn_tap_close(wrn_tap *tap);
void wrn_tap_abort(wrn_tap *tap);
/* Shuts down the sending side once everything is sent; data may still come in. */
void wrn_tap_shut(wrn_tap *tap);

/* Decodes the body on a worker, then calls `run`, which gets the result from wrn_request_decode() with the same model. */
void wrn_request_decode_later(wrn_request *request, const wrn_model *model, void (*run)(wrn_request *request));
/* Decodes the body into *out, of model->size. False: the request was answered with 400 or 415. */
bool wrn_request_decode(wrn_request *request, const wrn_model *model, void *out);
