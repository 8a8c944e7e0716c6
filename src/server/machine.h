/* What the machine is that this runs on. */
#ifndef WRN_SERVER_MACHINE_H
#define WRN_SERVER_MACHINE_H

#include "server/store/store.h"

/* Zeroes the row, then fills in arch, cpu_cores, memory_mb and the disk_gb of the file system that `dir` is on. */
void wrn_machine_describe(const char *dir, wrn_host_row *out);

#endif
