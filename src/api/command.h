/* The parts of a command, as all calls that start one take them. */
#ifndef WRN_API_COMMAND_H
#define WRN_API_COMMAND_H

#include "base/arena.h"
#include "base/model.h"
#include "wrenn/error.h"

typedef struct wrn_command_words {
    const char *cmd;
    const char *const *args; /* without cmd */
    size_t args_count;
    const wrn_pair *envs;
    size_t envs_count;
    const char *shell_args[2];
} wrn_command_words;

/* Exactly one of argv and shell; `envs` are "NAME=value" texts. Everything may point into the arguments or `arena`.
 * WRENN_E_INVALID_ARGUMENT names `what` and the option. */
int wrn_command_read(wrn_arena *arena, const char *what, const char *const *argv, const char *shell,
                     const char *const *envs, wrn_command_words *words, wrenn_error **error);
/* For servers that ignore envs and cwd of a foreground command: moves both into the words of the command line, which no
 * shell parses. `cwd` may be NULL. A directory that cannot be entered ends the command with exit code WRN_COMMAND_NO_CWD
 * and WRN_COMMAND_NO_CWD_TEXT at the beginning of its stderr text. */
enum { WRN_COMMAND_NO_CWD = 125 };
#define WRN_COMMAND_NO_CWD_TEXT "wrenn: cannot enter the directory given as cwd"
int wrn_command_wrap(wrn_arena *arena, const char *what, const char *cwd, wrn_command_words *words,
                     wrenn_error **error);
/* Reads `envs` alone. */
int wrn_command_read_envs(wrn_arena *arena, const char *what, const char *const *envs, wrn_command_words *words,
                          wrenn_error **error);

#endif
