/* Places that nobody else can change: where programs are started from, and where private directories are made.
 *
 * "Nobody else" is anybody but root and the effective user: each directory and link on the way must belong to one of
 * them, and others must not be able to write there. Where they can, but own only what they have made (the sticky bit,
 * as /tmp has it), what is below is looked at on its own; programs do not lie in such a directory itself. */
#ifndef WRN_BASE_PLACE_H
#define WRN_BASE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/* Where a program may be; all but `name` may be NULL. */
typedef struct wrn_program {
    const char *name;
    const char *const *beside; /* relative to the running program's directory, up to a NULL */
    const char *in_build_tree; /* relative to the build directory, for programs that run from there */
    const char *installed;     /* its absolute path */
    bool in_path;
} wrn_program;

/* The first of these places that has it and is safe, as an absolute path. Else false, and `why` names the place that was
 * refused and the remedy, or is empty when there is none at all. */
bool wrn_program_find(const wrn_program *program, char *out, size_t size, char *why, size_t why_size);

/* The wrennd to start: `asked` or WRENN_WRENND when set, which are taken as they are, or looked for in PATH when there is
 * no slash in them; else beside the running program, in its build tree, where it was installed, in PATH. */
bool wrn_wrennd_find(const char *asked, char *out, size_t size, char *why, size_t why_size);

/* Is the absolute `path` a directory below which we can keep what is private? */
bool wrn_place_is_safe(const char *path, char *why, size_t why_size);

/* Is it on overlayfs, as all of a container's root is? What sandboxes write can't be kept there: the kernel wants
 * another file system below an overlay. */
bool wrn_place_is_overlay(const char *path);

/* Where private servers have their directories, best first; NULL for one that the environment does not name. */
enum { WRN_PRIVATE_PLACES = 4, WRN_PRIVATE_PLACE_RUNTIME = 0 };
void wrn_private_places(const char *places[WRN_PRIVATE_PLACES]);

#endif
