#include "server/backend/backend.h"

const wrn_backend_ops *const wrn_backends[WRN_BACKENDS_MAX + 1] = {&wrn_backend_ns};
