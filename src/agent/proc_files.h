/* The sandbox's /proc/meminfo and /proc/stat. wrennd makes them as regular files, because the kernel's show the whole
 * machine. The agent has them as descriptors 5 and 6, and rewrites them in place, before each command and when somebody opens or
 * reads them. */
#pragma once

/* Brings both up to date, unless that was just done. Does nothing when the descriptors are not these files. */
void proc_files_update(void);
