/* The parts of a command, as all calls that start one take them. */
#pragma once

#include "client/op.h"
#include "gen/requests.h"
#include "wrenn/exec.h"

/* The members of wrenn_command that not all calls have a use for. */
enum { WRN_COMMAND_TIME_LIMIT = 1, WRN_COMMAND_STDIN = 2, WRN_COMMAND_SIZE = 4, WRN_COMMAND_TAG = 8 };

/* Reads a command for `op`, which has a use for the members in `used`. Everything in `words` may point into `command` or
 * the arena of `op`. WRENN_E_INVALID_ARGUMENT names the operation and the member. */
int wrn_command_read(wrenn_op *op, const wrenn_command *command, int used, wrn_command_words *words,
                     wrenn_error **error);
/* For servers that ignore envs and cwd of a foreground command: moves both into the words of the command line, which no
 * shell parses. A directory that cannot be entered ends the command with exit code WRN_COMMAND_NO_CWD and
 * WRN_COMMAND_NO_CWD_TEXT at the beginning of its stderr text. */
enum { WRN_COMMAND_NO_CWD = 125 };
#define WRN_COMMAND_NO_CWD_TEXT "wrenn: cannot enter the directory given as cwd"
int wrn_command_wrap(wrenn_op *op, wrn_command_words *words, wrenn_error **error);
