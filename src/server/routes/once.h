/* Creates that are asked for again: one sandbox and one answer for each idempotency key. */
#ifndef WRN_SERVER_ROUTES_ONCE_H
#define WRN_SERVER_ROUTES_ONCE_H

#include "server/server.h"

/* A create under way, and the requests that get its answer. */
typedef struct wrn_once wrn_once;

/* Takes the request of a create. With an idempotency key that was used before it is answered from here, now or later:
 * NULL. Otherwise `id`, which is "", becomes the one that the sandbox is to have if the request has such a key. */
wrn_once *wrn_once_begin(wrn_request *request, char id[WRN_ID_SIZE]);
/* Answers them all, with the sandbox or what went wrong, and frees. */
void wrn_once_end(wrn_once *once, const wrn_sandbox_row *sandbox, const wrn_fault *fault);

#endif
