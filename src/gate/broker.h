/* The half of the gate that decides and opens sockets. It sees no frames: requests of the stack, datagrams, answers of name servers,
 * and what wrennd says. Does not return: the process ends when wrennd closes the control socket (0) or the stack is gone. */
#pragma once

#include "gate/gate.h"

_Noreturn void broker_run(const gate_options *options, int stack);
