#include "server/backend/backend.h"

/* backend/meson.build defines WRN_BACKENDS(X), so that there is only one list. */
#define DECLARE(name) extern const wrn_backend_ops wrn_backend_##name;
#define ADDRESS(name) &wrn_backend_##name,

WRN_BACKENDS(DECLARE)

const wrn_backend_ops *const wrn_backends[WRN_BACKENDS_MAX + 1] = {WRN_BACKENDS(ADDRESS)};
