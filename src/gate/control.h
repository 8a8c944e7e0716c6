/* What wrennd says to the gate: one JSON object in each packet. `set` replaces the policy, `link` brings
 * the link to the sandbox, `stats` and `check` ask. */
#pragma once

#include "gate/gate.h"

enum { CONTROL_MESSAGE_MAX = 256 * 1024 };

/* Tells that both processes are in their jails, and gives away `self`. */
void control_ready(wrn_gate *gate);
/* Handles what has come. False when wrennd has closed its end. */
bool control_read(wrn_gate *gate);
/* Says over the control socket why a gate ends, or was not made. */
void control_say_end(int control, const char *why);
/* Ends the process, and says why, unless wrennd wants it (NULL). What open connections have carried is not lost: a stack ends it by ending. */
_Noreturn void control_end(const wrn_gate *gate, int status, const char *why);

#define CONTROL_NONSENSE "the process that reads frames says what it never does"
