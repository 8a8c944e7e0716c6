/* Network policies in requests. */
#pragma once

#include "gen/requests.h"

/* The policy of options, which stays theirs. */
wrn_network_policy wrn_network_asked(int64_t egress, const char *const *allow, const char *const *deny,
                                     const char *const *presets);
