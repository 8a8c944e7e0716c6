/* Protection against web pages, which can make a browser send requests to any server that it reaches: through DNS rebinding,
 * forms or WebSockets.
 *
 * So Host must be a name of this server, and Origin, which browsers add, must be the address of the request. Other programs
 * send no Origin. */
#pragma once

#include "server/http/request.h"

enum { WRN_NAMES_MAX = 16, WRN_NAME_SIZE = 256 };

/* The names of this server, besides localhost, names below it, 127.0.0.0/8 and ::1. */
typedef struct wrn_names {
    char bound[WRN_NAMES_MAX][64]; /* addresses that it listens on */
    size_t bound_count;
    bool any_address;     /* it listens on all addresses of the machine */
    char *const *allowed; /* by the operator; ports in them are ignored */
    size_t allowed_count;
} wrn_names;

/* Adds an address as returned by wrn_http_listen(). */
void wrn_names_add(wrn_names *names, const char *address);
/* Why the request must be refused; NULL: it is fine. `foreign`: it is for the port proxy, so only Host is checked. */
const char *wrn_origin_problem(const wrn_names *names, const wrn_request *request, bool foreign);
