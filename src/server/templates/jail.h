/* How wrenn-unpack locks itself in, before it reads what others made. */
#ifndef WRN_SERVER_TEMPLATES_JAIL_H
#define WRN_SERVER_TEMPLATES_JAIL_H

#include <stdbool.h>
#include <sys/stat.h>

/* Says so and ends. */
__attribute__((format(printf, 1, 2))) _Noreturn void fail(const char *format, ...);

bool is_same(const struct stat *a, const struct stat *b);

/* The current directory becomes /, with nothing else to be seen. Whoever starts this process has made mount, pid, net, uts, ipc
 * and cgroup namespaces for it. With `keep` it is root, and descriptor 3 is a user namespace that has all owners a tree may
 * have: it becomes root of that, and the tree's owners stay what they are by an id-mapped mount. Without, it is in one
 * already. What remains are four capabilities over the tree, the system calls that unpacking needs, descriptors 0 to 2, and
 * 1 GiB of memory. It ends with whoever reads descriptor 1. */
void jail_enter(bool keep);

#endif
