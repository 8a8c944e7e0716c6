/* What the kernel of a virtual machine has killed for lack of memory. In namespaces wrennd knows it, from the sandbox's cgroup. */
#pragma once

#include <stdint.h>

/* So many processes so far; 0 in a sandbox whose kernel is the host's. */
uint64_t oom_kills(void);
