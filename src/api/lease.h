/* Holding the lease of a sandbox that was created with `lease_sec`, for as long as this process lives. */
#pragma once

#include "wrenn/sandboxes.h"

/* Begins to, until the sandbox is gone or the client is freed. */
int wrn_lease_keep(wrenn_sandbox *sandbox, wrenn_error **error);
