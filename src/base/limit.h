/* Limits that a process sets on itself before it works on untrusted data. */
#pragma once

#include <stdint.h>

/* Limits the private memory of this process to `more_bytes` above what it has now; allocations beyond that fail. Mapped files
 * and memory of the kernel do not count. Reads /proc; does not allocate. 0, or -1 with errno. */
int wrn_limit_data(int64_t more_bytes);
