/* What the file routes share: operations of the agent's (src/wire/files.h), run as commands. */
#ifndef WRN_SERVER_ROUTES_FILES_H
#define WRN_SERVER_ROUTES_FILES_H

#include "server/routes/routes.h"
#include "server/sandbox/commands.h"

/* Starts `argv`, which ends with NULL. `user` may be NULL or empty: root. */
bool wrn_file_start(wrn_request *request, const wrn_sandbox_row *row, const char *user, const char *const *argv,
                    wrn_viewer *viewer, wrn_fault *fault);
/* How it ended: true when well; otherwise with a fault that names the path. */
bool wrn_file_ended_well(const char *path, const wrn_proc_result *result, wrn_fault *fault);

#endif
