/* Shared by the file routes: file operations (src/wire/files.h), which are builtin commands of the agent. */
#pragma once

#include "server/routes/routes.h"
#include "server/sandbox/commands.h"

/* Starts a NULL-terminated `argv`. `user` NULL or "": root. */
bool wrn_file_start(wrn_request *request, const wrn_sandbox_row *row, const char *user, const char *const *argv,
                    wrn_viewer *viewer, wrn_fault *fault);
/* "KEY=VALUE", for `argv`, in the request's arena. */
const char *wrn_file_option(wrn_request *request, const char *key, const char *value);
/* Whether it succeeded; if not, `fault` names the path. */
bool wrn_file_ended_well(const char *path, const wrn_proc_result *result, wrn_fault *fault);
