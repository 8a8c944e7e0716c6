/* Repeated creates: one sandbox and one answer for each idempotency key. */
#pragma once

#include "server/server.h"

/* A create under way, and the requests that wait for its answer. */
typedef struct wrn_once wrn_once;

/* Takes a request to create a sandbox. NULL when its idempotency key was used before: then it is answered here, now or
 * later. Otherwise, if there is a key, `id` is the id that the sandbox must get: a new one if it was "". */
wrn_once *wrn_once_begin(wrn_request *request, char id[WRN_ID_SIZE]);
/* Answers all requests with the sandbox or the fault, and frees `once`. */
void wrn_once_end(wrn_once *once, const wrn_sandbox_row *sandbox, const wrn_fault *fault);
