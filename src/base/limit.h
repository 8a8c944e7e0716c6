/* Limits that a process gives itself before it works on what others made. */
#ifndef WRN_BASE_LIMIT_H
#define WRN_BASE_LIMIT_H

#include <stdint.h>

/* From now on this process may have so many bytes of memory of its own more than it has: beyond that allocations fail. What it
 * maps of files and what the kernel keeps for it do not count. Reads /proc; does not allocate. 0, or -1 with errno. */
int wrn_limit_data(int64_t more_bytes);

#endif
