/* What becomes of heads that the port proxy passes on: the program sees itself at localhost and its port, the browser sees
 * it at the name that it has asked for, and credentials and cookies stay where they belong. */
#ifndef WRN_SERVER_ROUTES_PROXY_FIELDS_H
#define WRN_SERVER_ROUTES_PROXY_FIELDS_H

#include "server/http/http1.h"
#include "server/server.h"

/* Appends the head for the program on `port`. False when Connection names more than anybody means. */
bool wrn_proxy_put_head(const wrn_server *server, const wrn_http_head *head, int port, bool upgrade, wrn_buf *out);
/* Changes the fields of the program's answer, which are lines. */
void wrn_proxy_fix_fields(int port, wrn_buf *fields);

#endif
