/* All that a sandbox says over HTTP/1 on one connection. Its first request names a host that is allowed, and all others have to
 * name the same. What the server has not taken yet waits here. */
#pragma once

#include <sys/types.h>

#include "gate/inject.h"

typedef struct requests requests;

/* `host`: the name in the first one; "": it had an address there. NULL: no memory. The caller frees it. */
requests *requests_new(const char *host, uint16_t port);
void requests_free(requests *r);
/* Takes bytes. NULL; or why the connection has to end, from then on always. */
const wrn_inject_refusal *requests_take(requests *r, const void *bytes, size_t size);
/* The answer, in any pieces: it says whether what follows are requests. */
void requests_answered(requests *r, const void *bytes, size_t size);
/* Sends what waits, as far as the socket takes it. False with errno. */
bool requests_flush(requests *r, int fd);
bool requests_wait(const requests *r);
