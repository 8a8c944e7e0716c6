/* User namespaces, and the ranges of ids that they have on this machine. */
#ifndef WRN_SERVER_USERNS_H
#define WRN_SERVER_USERNS_H

#include <stdbool.h>
#include <sys/types.h>

#define FIRST_UID 0x70000000u /* above what distributions give to users and containers */

enum { UID_RANGE = 65536, SLOTS_MAX = 8192 };

/* A new user namespace with ids 0.. mapped to base.., as a descriptor; -1 with errno. Root only. */
int userns_make(uid_t base);
/* The same with a range that no sandbox of the machine has, as long as *lock_fd is open. */
int userns_borrow(int *lock_fd);
/* The calling process becomes root over what its user owns, and nothing else. 0, or -1 with errno. */
int userns_enter(void);
/* The same for one that was started in a user namespace of its own, with the ids that it had before. */
int userns_map_self(uid_t uid, gid_t gid);
/* Which ranges of ids are in use on this machine, by whatever daemon of root's. A descriptor, or -1 with errno. */
int slots_open(void);
bool slot_take(int fd, int slot);
void slot_release(int fd, int slot);

#endif
