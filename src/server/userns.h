/* User namespaces, and the ranges of ids that they map on this machine. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define FIRST_UID 0x70000000u /* above the ranges of users and containers in distributions */

enum { UID_RANGE = 65536, SLOTS_MAX = 8192 };

/* A sandbox's gate runs as this plus its process id. */
#define GATE_UIDS (FIRST_UID + (unsigned)SLOTS_MAX * UID_RANGE)

/* Returns a descriptor of a new user namespace that maps ids 0.. to base..; -1 with errno. Root only. `reap`: waits until the
 * process that made it has ended; without, the kernel must do it (SA_NOCLDWAIT). */
int userns_make(uid_t base, bool reap);
/* The same with a range that no sandbox uses, reserved as long as *lock_fd is open. */
int userns_borrow(int *lock_fd);
/* The calling process enters a new user namespace and becomes root over what its user owns. 0, or -1 with errno. */
int userns_enter(void);
/* Maps root to the ids that the process had outside, when it was started in a new user namespace. */
int userns_map_self(uid_t uid, gid_t gid);
/* Opens the file that records which ranges are in use on this machine. -1 with errno. */
int slots_open(void);
bool slot_take(int fd, int slot);
void slot_release(int fd, int slot);
