/* Reaching a TCP port of a sandbox through the port proxy. */
#pragma once

#include "client/op.h"

/* Sets up a call to a port of the operation's sandbox. */
int wrn_port_call(wrenn_op *op, const char *method, int64_t port, const char *path, wrenn_error **error);
