/* Rewriting of heads by the port proxy: the program sees itself as localhost and its port, the browser sees it under the
 * name that it asked for, and credentials and cookies reach nobody else. */
#pragma once

#include "server/http/http1.h"
#include "server/server.h"

/* Appends the request's head for the program on `port`. False when Connection names too many fields. */
bool wrn_proxy_put_head(const wrn_server *server, const wrn_http_head *head, int port, bool upgrade, wrn_buf *out);
/* Rewrites the fields of the program's answer. */
void wrn_proxy_fix_fields(int port, wrn_buf *fields);
