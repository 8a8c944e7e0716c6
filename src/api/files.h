/* What the calls on files share. */
#ifndef WRN_API_FILES_H
#define WRN_API_FILES_H

#include "client/op.h"

enum { WRN_FILES_TIMEOUT_MS = 30000 };

/* 0 when `path` can be sent. `what` names the operation. */
int wrn_files_check(const char *what, const char *path, wrenn_error **error);
/* Sets up a call that takes a path alone; `suffix` is "/files/remove" or the like. */
void wrn_files_call(wrenn_op *op, const char *suffix, const char *path);
/* Sets up the call that lists a directory, `depth` levels down. */
void wrn_files_call_list(wrenn_op *op, const char *path, int64_t depth);

#endif
