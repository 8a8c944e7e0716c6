/* For operations that result in a handle on a sandbox. */
#pragma once

#include "client/op.h"
#include "wrenn/sandboxes.h"

/* The handle for an answer that describes a sandbox; NULL after failing the operation. */
wrenn_sandbox *wrn_sandbox_of(wrenn_op *op, const wrn_http_response *response);
