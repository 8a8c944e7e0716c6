/* What both processes of the gate give up once they are ready: files, rights, and all system calls but those that they make. */
#pragma once

#include "gate/gate.h"

typedef enum jail_kind { JAIL_STACK, JAIL_BROKER, JAIL_TLS } jail_kind;

/* What takes long, and may be done once for processes that are copies of this one: an empty root, namespaces (of an ordinary user: also one
 * for users), no capabilities but those to become another user. Ends the process where that is impossible. Sanitizers need what this
 * and the next take away: in their builds they do nothing. */
void jail_prepare(void);
/* The same, for the filter. */
void jail_compile(jail_kind kind);
/* The rest of it, for the process itself: limits, no capabilities, as root another user, and jail_filter(). The stack ends with its parent. */
void jail_enter(const gate_options *options, jail_kind kind);
/* Other system calls than its own kill the process from now on. */
void jail_filter(jail_kind kind);
