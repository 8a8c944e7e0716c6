/* UDP and pings: a connected socket for each pair of a port in the sandbox and a peer, so that nobody else can answer. What the sandbox
 * sends is sent here, where it is counted; the stack has no part in it. */
#pragma once

#include "gate/gate.h"

void datagrams_init(void);
void datagrams_send(wrn_gate *gate, const seam_message *sent, size_t size);
void datagrams_ready(wrn_gate *gate, size_t index);
/* Ends what the policy does not allow any more, and what nobody used for a minute; returns how many the policy ended. */
size_t datagrams_judge_again(wrn_gate *gate);
size_t datagrams_count(void);
