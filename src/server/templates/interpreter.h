/* The templates that run code. */
#pragma once

#include "base/buf.h"
#include "server/backend/backend.h"

/* Makes these templates, or updates them. Blocks. */
bool interpreter_build(const wrn_backend_config *config, wrn_buf *said, wrn_fault *fault);
