#include "server/machine.h"

#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

void wrn_machine_describe(const char *dir, wrn_host_row *out) {
    struct utsname kernel;
    struct sysinfo memory;
    struct statvfs disk;
    *out = (wrn_host_row){.cpu_cores = sysconf(_SC_NPROCESSORS_ONLN)};
    if (uname(&kernel) == 0) snprintf(out->arch, sizeof(out->arch), "%s", kernel.machine);
    if (sysinfo(&memory) == 0) out->memory_mb = (int64_t)((unsigned long long)memory.totalram * memory.mem_unit >> 20);
    if (statvfs(dir, &disk) == 0) out->disk_gb = (int64_t)((unsigned long long)disk.f_blocks * disk.f_frsize >> 30);
}
