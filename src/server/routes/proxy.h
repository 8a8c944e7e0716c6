/* The port proxy: requests whose Host is {port}-{sandbox id}.{anything} go to that TCP port of the sandbox. */
#pragma once

#include "server/http/request.h"

/* Whether a Host field names a port of a sandbox. */
bool wrn_proxy_matches(const char *host);
/* For a request that does; takes its body in pieces. */
void wrn_proxy_run(wrn_request *request);
