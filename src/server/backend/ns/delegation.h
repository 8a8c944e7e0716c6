/* Where in cgroup v2 this daemon's directory goes, and what must be true there. A place is a path below the mount point,
 * "/" at the top. */
#ifndef WRN_SERVER_NS_DELEGATION_H
#define WRN_SERVER_NS_DELEGATION_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* `own`: of this process. `root`: it may write anywhere. */
void delegation_find(const char *mount, const char *own, bool root, char place[PATH_MAX]);
/* Switches the controllers on for what is below the place. When nobody but this process stands in the way there, it
 * moves into a group below, and *moved is set. 0, or -1 with errno. */
int delegation_enable(const char *mount, const char *own, const char *place, bool *moved);
/* The one that moved was started by systemd, which could not start another there while sandboxes are left below it. */
bool delegation_bars_restart(const char *place);
/* Why there are no limits, and the remedy. */
void delegation_explain(int error, const char *mount, bool root, const char *place, char *out, size_t size);

#endif
