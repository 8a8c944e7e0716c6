/* What a browser may be made to do by a page that it shows: nothing here. A page reaches whatever its visitor's machine
 * reaches, under a name of its own that it lets point here (DNS rebinding), or by a form or a WebSocket.
 *
 * So Host must be a name of this server, and Origin, which browsers add, the very address that is asked. Programs other
 * than browsers send no Origin and are not concerned. */
#ifndef WRN_SERVER_HTTP_ORIGIN_H
#define WRN_SERVER_HTTP_ORIGIN_H

#include "server/http/request.h"

enum { WRN_NAMES_MAX = 16, WRN_NAME_SIZE = 256 };

/* The names of this server, beside those of the loopback: localhost, all below it, 127.0.0.0/8 and ::1. */
typedef struct wrn_names {
    char bound[WRN_NAMES_MAX][64]; /* addresses that it listens on */
    size_t bound_count;
    bool any_address;     /* it listens on all of the machine's */
    char *const *allowed; /* by the operator, with or without a port, which does not count */
    size_t allowed_count;
} wrn_names;

/* Adds an address as wrn_http_listen() tells it. */
void wrn_names_add(wrn_names *names, const char *address);
/* Whether a Host field's value is one of them. `below`: or a name right below one of them. */
bool wrn_names_have(const wrn_names *names, const char *host, bool below);
/* Why a request must not be handled; NULL: it may. Of `foreign` nothing but Host is looked at: what it is for is behind
 * the port proxy, and has pages and rules of its own. */
const char *wrn_origin_problem(const wrn_names *names, const wrn_request *request, bool foreign);

#endif
