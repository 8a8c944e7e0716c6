/* A request on its way through the server, and the one answer it gets.
 *
 * Whoever handles a request ends it with exactly one wrn_reply_*() call, at once or later; that call frees it. The
 * client may be gone by then, which the handler need not know. */
#ifndef WRN_SERVER_HTTP_REQUEST_H
#define WRN_SERVER_HTTP_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/model.h"
#include "server/http/http1.h"
#include "server/store/ids.h"

enum { WRN_PARAMS_MAX = 2 };

/* Who asks. A key acts for its team, a token for a user in a team. */
typedef struct wrn_identity {
    char team_id[WRN_ID_SIZE];
    char user_id[WRN_ID_SIZE]; /* "" for a key */
} wrn_identity;

typedef struct wrn_request {
    void *app;             /* the handler's context */
    struct wrn_conn *conn; /* NULL once the client has gone */
    const void *route;     /* of the router that matched it */
    wrn_http_head head;
    wrn_buf body;
    wrn_buf fields; /* response fields, as lines */
    wrn_arena arena;
    const char *params[WRN_PARAMS_MAX]; /* path parameters, decoded */
    wrn_identity who;
    size_t body_max; /* 0: the server's limit */
    int64_t started_us;
} wrn_request;

/* `value` must not hold line breaks. */
void wrn_request_add_field(wrn_request *request, const char *name, const char *value);

/* The answer. Takes the request, and `body`. */
void wrn_reply_json(wrn_request *request, int status, wrn_json *body);
void wrn_reply_model(wrn_request *request, int status, const wrn_model *model, const void *value);
void wrn_reply_empty(wrn_request *request, int status);
void wrn_reply_bytes(wrn_request *request, int status, const char *type, const void *data, size_t size);
/* {"error":{"code","message"}} with the status that belongs to the code. */
WRN_PRINTF(3, 4) void wrn_reply_error(wrn_request *request, const char *code, const char *format, ...);
/* The same with a status of its own. */
WRN_PRINTF(4, 5)
void wrn_reply_error_as(wrn_request *request, int status, const char *code, const char *format, ...);
/* The envelope as JSON, for errors that carry more. */
wrn_json *wrn_error_envelope(const char *code, const char *message);
/* The HTTP status of a code of openapi.yaml; 500 when unknown. */
int wrn_status_of(const char *code);

/* Decodes the body into *out, of model->size. On false the request was answered with 400 invalid_request. */
bool wrn_request_decode(wrn_request *request, const wrn_model *model, void *out);

#endif
