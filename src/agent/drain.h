/* Output that nobody wants any more. A process that outlives its command still writes to the command's pipes. If nobody read
 * them, it would be killed by SIGPIPE or block for ever; so they are read to their end, and what comes is dropped. */
#ifndef WRN_AGENT_DRAIN_H
#define WRN_AGENT_DRAIN_H

#include "agent/loop.h"

/* Takes the descriptor over. */
void drain(watch *from);

#endif
