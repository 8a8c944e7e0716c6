/* Private mode: a server for one process, its owner. The owner talks to it over a Unix socket, gets the credentials over an
 * inherited socket, and stops the server by closing that socket or by dying. */
#pragma once

#include "server/server.h"

/* Sends the address and the credentials as one line of JSON. */
bool wrn_private_greet(int fd, const char *socket, const char *api_key, const char *token);
/* Sends the reason why the server can't start. */
void wrn_private_fail(int fd, const char *why);
/* Calls `gone` once, when the owner closes its end or dies. */
bool wrn_private_watch(wrn_server *server, void (*gone)(wrn_server *server));
void wrn_private_unwatch(wrn_server *server);
/* Calls `found` for the data directory of each private server of this user that was killed, in the places where libwrenn
 * makes them; not for `own`, which may be NULL. */
void wrn_private_each_stale(const char *own, void (*found)(void *context, const char *path), void *context);
