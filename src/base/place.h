/* Safe places: paths that no other user can change. Programs are started from them, and private directories are made there.
 *
 * "Other users" are all but root and the effective user. Each directory and link of a safe path belongs to one of these two,
 * and others cannot write to it. A directory with the sticky bit, such as /tmp, is accepted on the way, because others can
 * change only their own entries in it; but no program is started from such a directory itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where to look for a program; all but `name` may be NULL. */
typedef struct wrn_program {
    const char *name;
    const char *const *beside; /* relative to the running program's directory, NULL-terminated */
    const char *in_build_tree; /* relative to the build directory, for programs that run from there */
    const char *installed;     /* its absolute path */
    bool in_path;
} wrn_program;

/* Gives the absolute path of the first program that is found in a safe place. False when there is none: `why` then names the
 * first program that was refused, and the remedy, or is empty when none was found. */
bool wrn_program_find(const wrn_program *program, char *out, size_t size, char *why, size_t why_size);

/* Finds a program of ours that wrennd starts, and nobody else: beside the running program, in its ../libexec/wrenn, in its build
 * tree, or where it was installed, which is in `out` when there is none. The rest as above. */
bool wrn_helper_find(const char *name, const char *in_build_tree, char *out, size_t size, char *why, size_t why_size);

/* Finds the wrennd to start. `asked`, or else WRENN_WRENND, is used as it is if it has a slash, and looked for in PATH if it
 * has none. When both are unset, wrennd is looked for beside the running program, in its build tree, where it was installed,
 * and in PATH. */
bool wrn_wrennd_find(const char *asked, char *out, size_t size, char *why, size_t why_size);

/* Whether the absolute `path` is a safe place for private directories. */
bool wrn_place_is_safe(const char *path, char *why, size_t why_size);

/* Whether `path` is on overlayfs, as the root of a container is. Files of sandboxes can't be kept there, because the kernel
 * does not accept it as the writable layer of another overlay. */
bool wrn_place_is_overlay(const char *path);
/* How much memory the files there may take, if they are in memory; else 0. Such files count as memory of the group of whoever writes
 * them, and can't be written to a disk to make room. */
int64_t wrn_place_memory_bytes(const char *path);

/* Candidates for the directories of private servers, best first; NULL for one that the environment does not name. */
enum { WRN_PRIVATE_PLACES = 4, WRN_PRIVATE_PLACE_RUNTIME = 0 };
void wrn_private_places(const char *places[WRN_PRIVATE_PLACES]);
