/* The private wrennd behind the base URL `local:`. A process has one, which all of its clients share. It ends with the last
 * client, or with the process, however that ends. It is not a child of the process: see net/orphan.h. */
#pragma once

#include <stddef.h>

typedef struct wrn_local wrn_local;

/* Starts the server, or joins the one this process has. `program` may be NULL. Blocks until it is ready, 15 s at most.
 * Safe from several threads. NULL with a message in `why` otherwise. */
wrn_local *wrn_local_join(const char *program, char *why, size_t why_size);
/* The last client to leave stops the server and waits until it has cleaned up, 10 s at most. In a forked child of the process
 * that started the server, it only frees what the child inherited. NULL is fine. */
void wrn_local_leave(wrn_local *local);

const char *wrn_local_socket(const wrn_local *local);
const char *wrn_local_api_key(const wrn_local *local);
const char *wrn_local_token(const wrn_local *local);
