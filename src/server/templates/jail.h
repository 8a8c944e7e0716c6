/* How wrenn-unpack confines itself before it reads archives. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* Prints the error and exits. */
__attribute__((format(printf, 1, 2))) _Noreturn void fail(const char *format, ...);

bool is_same(const struct stat *a, const struct stat *b);

/* Makes the current directory the root, and hides everything else. The process must have been started in new mount,
 * pid, net, uts, ipc and cgroup namespaces. With `keep` it must be root, and descriptor 3 a user namespace with all
 * owners that a tree may have: it becomes root in that, and an id-mapped mount keeps the owners on disk. Without `keep`
 * it must be in a new user namespace. What remains are four capabilities over the tree, the system calls for unpacking,
 * descriptors 0 to 2, and 1 GiB of memory. The process is killed when its parent, which reads descriptor 1, ends. */
void jail_enter(bool keep);
