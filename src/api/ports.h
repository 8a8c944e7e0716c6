/* Reaching a TCP port of a sandbox through the port proxy. */
#pragma once

#include "base/buf.h"
#include "wrenn/sandbox.h"

/* Appends the URL to connect to and the Host to name there. */
int wrn_port_target(const wrenn_sandbox *sandbox, int64_t port, const char *path, wrn_buf *url, wrn_buf *host,
                    wrenn_error **error);
