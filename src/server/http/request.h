/* A request on its way through the server, and the one answer it gets.
 *
 * Whoever handles a request ends it with exactly one wrn_reply_*() call, at once or later; that call frees it. The
 * client may be gone by then, which the handler need not know.
 *
 * Large bodies and answers go in pieces, and a connection can be taken over; see the ends of this file. Whoever feeds one
 * looks whether it is crowded, and then stops its source, and starts it again when told that there is room: when more than
 * WRN_HIGH_WATER is unsent, or less if the budget (http/budget.h), which bears it, is spent. */
#ifndef WRN_SERVER_HTTP_REQUEST_H
#define WRN_SERVER_HTTP_REQUEST_H

#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/model.h"
#include "server/http/http1.h"
#include "server/store/ids.h"
#include "wire/faults.h"

/* Bodies and messages over JSON_SMALL, and answers with as much in them, are worked on off the loop. VALUES_MAX: of the JSON
 * of a request, strings, numbers and all. */
enum { WRN_PARAMS_MAX = 2, WRN_HIGH_WATER = 256 * 1024, WRN_JSON_SMALL = 16 * 1024, WRN_JSON_VALUES_MAX = 16384 };

/* Who asks. A key acts for its team, a token for a user in a team. */
typedef struct wrn_identity {
    char team_id[WRN_ID_SIZE];
    char user_id[WRN_ID_SIZE]; /* "" for a key */
    char key_id[WRN_ID_SIZE];  /* "" for a token */
} wrn_identity;

typedef struct wrn_request {
    void *app; /* the handler's context */
    uv_loop_t *loop;
    struct wrn_conn *conn; /* NULL once the client has gone */
    const void *route;     /* of the router that matched it */
    wrn_http_head head;
    wrn_buf body;
    wrn_buf fields;     /* response fields, as lines */
    const char *reason; /* of the response; NULL: the usual one */
    wrn_arena arena;
    const char *params[WRN_PARAMS_MAX]; /* path parameters, decoded */
    wrn_identity who;
    size_t body_max;           /* 0: the server's limit */
    size_t uncharged, charged; /* to the budget; given back with the request */
    int64_t started_us;
    struct wrn_decoded *decoded; /* the body; NULL: not yet */
    bool (*confirm)(void *app);  /* NULL: the answer need not wait */
    void *handler;               /* for the functions below */
    /* Set by `run` of a route that takes its body in pieces. */
    void (*on_piece)(struct wrn_request *request, const char *data, size_t size);
    void (*on_body_end)(struct wrn_request *request);
    /* The client is gone, in the middle of the body or of a streamed answer. The request must still be ended. */
    void (*on_gone)(struct wrn_request *request);
    /* For a streamed answer: there is room again. */
    void (*on_room)(struct wrn_request *request);
    /* Of the handler: an answer of that status begins. */
    void (*answered)(void *app, const struct wrn_request *request, int status);
} wrn_request;

/* Who is at the other end: an address with its port, "uid N" of a Unix socket, or "" once the client has gone. */
void wrn_request_peer(const wrn_request *request, char *out, size_t size);
/* Whether that is on this machine, and no proxy says that it asks for somebody else. */
bool wrn_request_is_local(const wrn_request *request);
/* `value` must not hold line breaks. */
void wrn_request_add_field(wrn_request *request, const char *name, const char *value);

/* Who pays for the work that its connection makes from now on (turns.h): a sandbox's id, or a team's. */
void wrn_request_set_owner(const wrn_request *request, const char *id);

/* Takes so much more of the budget for it (http/budget.h). False: it is spent, and "overloaded" should be the answer. */
bool wrn_request_charge(wrn_request *request, size_t bytes);

/* The answer. Takes the request, and `body`. */
void wrn_reply_json(wrn_request *request, int status, wrn_json *body);
void wrn_reply_model(wrn_request *request, int status, const wrn_model *model, const void *value);
void wrn_reply_empty(wrn_request *request, int status);
void wrn_reply_bytes(wrn_request *request, int status, const char *type, const void *data, size_t size);
/* Takes the buffer, too, which is not in the request's arena. One that failed makes 500 of it. */
void wrn_reply_buf(wrn_request *request, int status, const char *type, wrn_buf *body);
/* An answer that is no error waits until `confirm`, on a worker, has said that what it tells is so; else it is db_error. */
void wrn_request_confirm(wrn_request *request, bool (*confirm)(void *app));
/* {"error":{"code","message"}} with the status that belongs to the code. */
WRN_PRINTF(3, 4) void wrn_reply_error(wrn_request *request, wrn_fault_code code, const char *format, ...);
/* The same with a status of its own. */
WRN_PRINTF(4, 5)
void wrn_reply_error_as(wrn_request *request, int status, wrn_fault_code code, const char *format, ...);
/* The envelope as JSON, for errors that carry more. */
wrn_json *wrn_error_envelope(wrn_fault_code code, const char *message);

/* ---- a body in pieces ----
 *
 * A route with `streams` has `run` called as soon as the head is there. It sets on_piece, on_body_end and on_gone, or
 * answers at once. */

/* Stops reading for a while; what was read already still comes. */
void wrn_request_pause(wrn_request *request, bool pause);

/* ---- an answer in pieces ---- */

/* Sends the head. `length` of -1: not known. */
void wrn_reply_begin(wrn_request *request, int status, const char *type, int64_t length);
/* Copied. Nothing is sent to a client that is gone. */
void wrn_reply_piece(wrn_request *request, const void *data, size_t size);
bool wrn_reply_is_crowded(const wrn_request *request);
/* Ends the request. Unless it is `whole`, the connection breaks off, so that the client can tell. */
void wrn_reply_end(wrn_request *request, bool whole);

/* ---- a connection taken over: bytes in both directions, no longer HTTP ---- */

typedef struct wrn_conn wrn_tap;

typedef struct wrn_tap_events {
    void (*data)(void *context, const char *data, size_t size);
    void (*room)(void *context); /* it was crowded, and under half of WRN_HIGH_WATER is unsent */
    /* It ended or broke: the tap is gone when this returns. Not called after close or abort. */
    void (*gone)(void *context);
    void (*stop)(void *context); /* the server wants to stop: close soon. May be NULL: then it is aborted. */
    /* The other end sends no more, but may still read. NULL: that counts as gone. */
    void (*end)(void *context);
    bool little; /* data comes in pieces of 16 KiB at most, for much may have to be done for each byte */
    void (*sent)(void *context); /* nothing is unsent any more. May be NULL. */
} wrn_tap_events;

/* Answers with `head`, a whole response head, and frees the request. Nothing is read before wrn_tap_read(). NULL when
 * the client is gone already. */
wrn_tap *wrn_request_take_over(wrn_request *request, const char *head, const wrn_tap_events *events, void *context);
void wrn_tap_read(wrn_tap *tap, bool on);
/* Nobody knows yet who is there: it may be closed to make room for others. */
void wrn_tap_set_stranger(wrn_tap *tap, bool stranger);
/* As wrn_request_set_owner(). */
void wrn_tap_set_owner(wrn_tap *tap, const char *id);
/* Copied. `gone` is never called from inside. */
void wrn_tap_write(wrn_tap *tap, const void *data, size_t size);
size_t wrn_tap_unsent(const wrn_tap *tap);
bool wrn_tap_is_crowded(const wrn_tap *tap);
/* Sends what is unsent, then ends the connection. No event follows. */
void wrn_tap_close(wrn_tap *tap);
void wrn_tap_abort(wrn_tap *tap);
/* Sends what is unsent and then an end of file; data may still come in. */
void wrn_tap_shut(wrn_tap *tap);

/* Decodes the body on a worker, then goes on with `run`, which finds it in wrn_request_decode() of the same model. */
void wrn_request_decode_later(wrn_request *request, const wrn_model *model, void (*run)(wrn_request *request));
/* Decodes the body into *out, of model->size. On false the request was answered with 400 invalid_request. */
bool wrn_request_decode(wrn_request *request, const wrn_model *model, void *out);

#endif
