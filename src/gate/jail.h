/* What both processes of the gate give up once they are ready: files, rights, and all system calls but those that they make. */
#pragma once

#include "gate/gate.h"

/* An empty root, no capabilities, limits; as root another user, otherwise a user namespace of its own. Ends the process where that is
 * impossible. The process ends with its parent, when `with_parent` is set. Sanitizers need what this takes away: in their builds it does nothing. */
void jail_enter(const gate_options *options, bool with_parent);
/* The rest kills. */
void jail_filter_stack(void);
void jail_filter_broker(void);
void jail_filter_tls(void);
