/* Network policies in requests. */
#pragma once

#include "client/op.h"
#include "gen/requests.h"

/* The policy of options, which stays theirs; what it takes beside them is in the arena of `op`. */
int wrn_network_asked(wrenn_op *op, int64_t egress, const char *const *allow, const char *const *deny,
                      const char *const *presets, const char *const *inject, wrn_network_policy *out,
                      wrenn_error **error);
