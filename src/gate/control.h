/* What wrennd says to the gate: one JSON object in each packet. `set` replaces the policy, `link` brings
 * the link to the sandbox, `stats` and `check` ask. */
#pragma once

#include "gate/gate.h"

enum { CONTROL_MESSAGE_MAX = 256 * 1024 };

/* Tells that both processes are in their jails, and gives away `self`. */
void control_ready(wrn_gate *gate);
/* Handles what has come. False when wrennd has closed its end. */
bool control_read(wrn_gate *gate);
