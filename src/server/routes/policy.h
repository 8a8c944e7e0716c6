/* Network policies that callers ask for, checked against the grammar of rules and against what the operator allows. */
#pragma once

#include "gen/requests.h"
#include "server/backend/backend.h"
#include "server/server.h"

enum { WRN_POLICY_ENTRIES_MAX = 256, WRN_POLICY_INJECT_MAX = 64 };

/* Faults of these functions are about a policy wherever it stands. In a request it is a member, and this says so. */
void wrn_policy_blame(wrn_fault *fault);

/* Appends the whole policy to `policy`, as a JSON object with egress, allow, deny, presets and, unless it is empty, inject. `asked` may be NULL. Returns its
 * egress: none, allowlist or public. NULL with a fault: WRN_FAULT_INVALID_REQUEST, which names the entry, or
 * WRN_FAULT_CONFLICT when the operator allows less. */
const char *wrn_policy_accept(const wrn_egress_config *config, const wrn_network_policy *asked, wrn_buf *policy,
                              wrn_fault *fault);

/* Whether the team has all secrets that the policy names. False with a fault: WRN_FAULT_CONFLICT, which names the one that is missing. */
bool wrn_policy_has_secrets(const wrn_server *server, const char *team_id, const wrn_network_policy *asked,
                            wrn_fault *fault);
