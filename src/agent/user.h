/* Users of the sandbox, and reading its small files safely. */
#pragma once

#include <sys/types.h>

#include "base/buf.h"

enum { USER_NAME_MAX = 256, GROUPS_MAX = 64 };

typedef struct account {
    uid_t uid;
    gid_t gid;
    bool has_group; /* the group was named, so there are no supplementary ones */
    gid_t groups[GROUPS_MAX];
    size_t group_count;
    char name[USER_NAME_MAX], home[4096];
} account;

/* `who` is NAME or ID, either with :GROUP. 0, or ENOENT. */
int user_find(const char *who, account *u);
/* Whether the ids are mapped in the sandbox's user namespace. With an ordinary user's wrennd only root is. */
bool user_can_be(const account *u);
/* Switches the calling process to the account, and gives it the terminal or pipes at 0, 1 and 2. 0, or an errno. */
int user_become(const account *u);

/* Opens a regular file for reading. Checks the type before, because opening a FIFO or device may block or act on it; and
 * after, because the file may have been swapped. -1 with errno. */
int open_regular(int dir, const char *name);
/* Reads the beginning of a file in /proc or /sys, and adds a NUL. False, with `out` empty, when nothing could be read. */
bool read_text(const char *path, char *out, size_t size);
/* Reads a file of 1 MiB at most, and appends a NUL. False, with `out` empty, when that fails. */
bool read_small_file(const char *path, wrn_buf *out);
