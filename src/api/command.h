/* The parts of a command, as all calls that start one take them. */
#ifndef WRN_API_COMMAND_H
#define WRN_API_COMMAND_H

#include "base/arena.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wrenn/error.h"

/* As the options of all these calls have it. */
typedef struct wrn_command_options {
    const char *const *argv;
    const char *shell; /* instead of argv */
    const char *const *envs;
    const char *cwd, *user;
} wrn_command_options;
/* `options`: of any of the calls that have these members and `shell`; `sandbox`: the handle, or NULL. */
#define WRN_COMMAND_OPTIONS(sandbox, options) \
    { (options)->argv, (options)->shell, (options)->envs, (options)->cwd, wrn_sandbox_user(sandbox, (options)->user) }

/* Exactly one of argv and shell; `envs` are "NAME=value" texts. Everything may point into the arguments or `arena`.
 * WRENN_E_INVALID_ARGUMENT names `what` and the option. */
int wrn_command_read(wrn_arena *arena, const char *what, const wrn_command_options *options, wrn_command_words *words,
                     wrenn_error **error);
/* For servers that ignore envs and cwd of a foreground command: moves both into the words of the command line, which no
 * shell parses. A directory that cannot be entered ends the command with exit code WRN_COMMAND_NO_CWD and
 * WRN_COMMAND_NO_CWD_TEXT at the beginning of its stderr text. */
enum { WRN_COMMAND_NO_CWD = 125 };
#define WRN_COMMAND_NO_CWD_TEXT "wrenn: cannot enter the directory given as cwd"
int wrn_command_wrap(wrn_arena *arena, const char *what, wrn_command_words *words, wrenn_error **error);

#endif
