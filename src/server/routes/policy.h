/* Network policies that callers ask for, checked against the grammar of rules and against what the operator allows. */
#pragma once

#include "gen/requests.h"
#include "server/backend/backend.h"

enum { WRN_POLICY_ENTRIES_MAX = 256 };

/* Appends the whole policy to `policy`, as a JSON object with egress, allow, deny and presets. `asked` may be NULL. Returns its
 * egress: none, allowlist or public. NULL with a fault: WRN_FAULT_INVALID_REQUEST, which names the entry, or
 * WRN_FAULT_CONFLICT when the operator allows less. */
const char *wrn_policy_accept(const wrn_egress_config *config, const wrn_network_policy *asked, wrn_buf *policy,
                              wrn_fault *fault);
