/* Network policies in requests. */
#pragma once

#include "base/arena.h"
#include "client/error.h"
#include "gen/requests.h"

/* The policy of options, which stays theirs; what it takes beside them is in `arena`. -1 with an error that begins with `what`. */
int wrn_network_asked(wrn_arena *arena, const char *what, int64_t egress, const char *const *allow,
                      const char *const *deny, const char *const *presets, const char *const *inject,
                      wrn_network_policy *out, wrenn_error **error);
