/* Private mode: a server for one process, which talks to it over a unix socket, gets its credentials over an inherited
 * socket, and takes it down by closing that socket or by dying. */
#ifndef WRN_SERVER_PRIVATE_H
#define WRN_SERVER_PRIVATE_H

#include "server/server.h"

/* Says where the server is and how to get in, in one line of JSON. */
bool wrn_private_greet(int fd, const char *socket, const char *api_key, const char *token);
/* Says why there is no server. */
void wrn_private_fail(int fd, const char *why);
/* Calls `gone` once when the owner has closed its end or has died. */
bool wrn_private_watch(wrn_server *server, void (*gone)(wrn_server *server));
void wrn_private_unwatch(wrn_server *server);
/* Removes a directory and all in it. Does not follow links or leave the file system. */
void wrn_private_remove_tree(const char *path);

#endif
