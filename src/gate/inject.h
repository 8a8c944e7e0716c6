/* Requests of HTTP/1 on their way from a sandbox to the host that they name, with headers added whose values the sandbox does not know.
 * Strict: what two readers could understand in two ways is refused, for a request that hides in another one would be sent on without
 * being looked at. No system calls; the bytes are hostile. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "gate/rule.h"

enum { WRN_INJECT_HEAD_MAX = 64 << 10 };

typedef struct wrn_injection {
    char *name, *value; /* of a header field */
} wrn_injection;

/* The headers of one host. */
typedef struct wrn_inject_host {
    char name[WRN_NAME_MAX + 1]; /* "": any address, and no name */
    uint16_t port;
    wrn_injection *headers;
    size_t count;
    bool is_closed; /* a header has no value now, so that nothing goes there */
} wrn_inject_host;

/* Why a connection does not go on: the status of the answer that the sandbox gets, and a sentence. */
typedef struct wrn_inject_refusal {
    int status;
    const char *why;
} wrn_inject_refusal;

extern const wrn_inject_refusal wrn_inject_elsewhere; /* the request is for another host than its connection */

typedef enum wrn_inject_part {
    WRN_INJECT_REQUEST_LINE,
    WRN_INJECT_FIELDS,
    WRN_INJECT_BODY,
    WRN_INJECT_CHUNK_SIZE,
    WRN_INJECT_CHUNK,
    WRN_INJECT_CHUNK_END,
    WRN_INJECT_TRAILERS,
    WRN_INJECT_WAIT,   /* a WebSocket was asked for: nothing follows until the server has answered */
    WRN_INJECT_FREELY, /* it was opened: what follows are no requests */
    WRN_INJECT_REFUSED
} wrn_inject_part;

typedef struct wrn_injector {
    const wrn_inject_host *host; /* the owner's */
    wrn_inject_part part;
    wrn_buf line, head;
    uint64_t left; /* of a body or chunk */
    size_t requests;
    bool has_host, has_length, is_chunked, upgrades, is_old; /* of the request that is being read; is_old: HTTP/1.0 */
    size_t answered;                                         /* how much of the answer to WRN_INJECT_WAIT was seen */
    const wrn_inject_refusal *refusal;
} wrn_injector;

wrn_injector wrn_injector_new(const wrn_inject_host *host);
void wrn_injector_free(wrn_injector *in);
/* Takes bytes of the sandbox, and appends to `out` what goes to the host. NULL; or why the connection ends, from then on always. */
const wrn_inject_refusal *wrn_inject(wrn_injector *in, const char *bytes, size_t size, wrn_buf *out);
/* The first bytes of the host's answer to WRN_INJECT_WAIT, in any pieces. */
void wrn_inject_answered(wrn_injector *in, const char *bytes, size_t size);

/* Whether a header of that name can be added: a token, and none that frames or routes requests. */
bool wrn_inject_name_ok(const char *name);
