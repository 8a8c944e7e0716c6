/* What the calls on files share. */
#ifndef WRN_API_FILES_H
#define WRN_API_FILES_H

#include "client/op.h"

/* 0 when `path` can be sent. `what` names the operation. */
int wrn_files_check(const char *what, const char *path, wrenn_error **error);
/* Sets up a call that takes a path alone; `suffix` is "/files/remove" or the like. */
void wrn_files_call(wrenn_op *op, const char *suffix, const char *path);
/* Sets up the call that lists the one entry of that name in a directory, where the server can do that; elsewhere, and
 * when `name` is NULL, it lists all of the directory. */
void wrn_files_call_entry(wrenn_op *op, const char *path, const char *name, size_t length);
/* Whether the error of a listing may mean that the directory is missing; servers report that in different ways. */
bool wrn_files_may_be_missing(const wrenn_error *error);
/* Shortens the first `*end` bytes of `path` to the directory they are in. False when there is none above. */
bool wrn_files_climb(const char *path, size_t *end);

/* Whether the first `size` bytes of a path cannot be found by name in a listing: root, the home directory, "." and "..".
 * If they exist, they are directories. */
bool wrn_files_is_nameless(const char *path, size_t size);
/* Where the name starts in the first `end` bytes of a path, which do not end in a slash. `parent` becomes the directory
 * whose listing has that name, or the path itself when it has no name. */
size_t wrn_files_aim(const char *path, size_t end, wrn_buf *parent);
/* The entry of this name in a listing, or NULL. */
const wrn_json *wrn_files_entry(const wrn_json *entries, const char *name, size_t length);

#endif
