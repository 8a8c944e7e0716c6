/* Secrets in the requests of sandboxes: what a policy's `inject` means right now. */
#pragma once

#include "server/sandbox/sandboxes.h"

/* The value of wrn_box_spec.secrets for a sandbox with that policy: a file in memory with the values of the team's secrets and the sandbox's
 * authority, which the caller closes; 0: nothing is added. Hosts whose secret is gone are in it, but closed. -1 with a fault. */
int wrn_secrets_open(wrn_store *store, const char *team_id, const char *id, const char *policy, wrn_fault *fault);
/* A secret of the team has another value, or is gone. */
void wrn_secrets_changed(wrn_sandboxes *all, const char *team_id, const char *name);
/* The certificate in the text of an authority. */
const char *wrn_authority_certificate(const char *pem);
