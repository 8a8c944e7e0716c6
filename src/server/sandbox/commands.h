/* Commands in sandboxes, and who watches them.
 *
 * A command lives from its start to its end, with or without anybody watching. Each viewer sees what is put out while it
 * is attached; a terminal also keeps its modes and the last of its output, which a new viewer gets first. A viewer that can't follow
 * stops the command's output for all, so that nothing is lost and nothing piles up. */
#ifndef WRN_SERVER_SANDBOX_COMMANDS_H
#define WRN_SERVER_SANDBOX_COMMANDS_H

#include "server/box/box.h"
#include "server/sandbox/sandboxes.h"

typedef struct wrn_command wrn_command;

enum { WRN_TAG_MAX = 64, WRN_REPLAY_MAX = 64 * 1024 };

typedef struct wrn_viewer {
    void (*start)(struct wrn_viewer *viewer, int64_t pid); /* may be NULL */
    void (*output)(struct wrn_viewer *viewer, int stream, const void *data, size_t size);
    /* Once, last, unless it detached before. The command is gone when this returns. */
    void (*end)(struct wrn_viewer *viewer, const wrn_proc_result *result);
    void (*room)(struct wrn_viewer *viewer); /* for its writes; may be NULL */
    wrn_command *command;                    /* NULL when not attached */
    struct wrn_viewer *next;
    bool stopped;
} wrn_viewer;

/* Whether a sandbox counts as idle while the command runs: nobody may ever come back to one in the background. */
typedef enum wrn_command_kind { WRN_COMMAND_FOREGROUND, WRN_COMMAND_BACKGROUND } wrn_command_kind;

/* Starts a command. `tag` and `viewer` may be NULL. The viewer's callbacks never run from inside. NULL with a fault; a tag
 * in use is a "conflict". */
wrn_command *wrn_command_start(wrn_sandboxes *all, const wrn_sandbox_row *row, const wrn_proc_spec *spec,
                               wrn_command_kind kind, const char *tag, wrn_viewer *viewer, wrn_fault *fault);
/* By pid when the selector is all digits, else by tag. Finds no builtins. NULL with a fault. */
wrn_command *wrn_command_find(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *selector, wrn_fault *fault);
/* Calls `each` for all but builtins that have started and not ended; false with a fault. */
bool wrn_command_list(wrn_sandboxes *all, const wrn_sandbox_row *row, void (*each)(void *context, const wrn_command *),
                      void *context, wrn_fault *fault);

/* The viewer's `start` (when it has started) and what is kept of a terminal's output come from inside. */
void wrn_command_attach(wrn_command *command, wrn_viewer *viewer);
/* Nothing happens when it is not attached. The command goes on. */
void wrn_command_detach(wrn_viewer *viewer);
/* Back-pressure. */
void wrn_command_pause(wrn_viewer *viewer, bool pause);

void wrn_command_signal(wrn_command *command, int signo);
/* Whoever asked for it has left; see the backend's give_up. */
void wrn_command_give_up(wrn_command *command);
size_t wrn_command_write(wrn_command *command, const void *data, size_t size);
void wrn_command_close_stdin(wrn_command *command);
void wrn_command_resize(wrn_command *command, uint16_t cols, uint16_t rows);
/* Somebody uses it: restarts the sandbox's idle timer. */
void wrn_command_touch(wrn_command *command);

int64_t wrn_command_pid(const wrn_command *command); /* 0: not started yet */
const char *wrn_command_tag(const wrn_command *command);
bool wrn_command_is_terminal(const wrn_command *command);
/* Somebody has spoken to the terminal in binary frames, so all its viewers get them, the replay too. It
 * outlives this process, as the terminal does. */
void wrn_command_set_raw(wrn_command *command);
bool wrn_command_is_raw(const wrn_command *command);
/* Program and arguments, NULL-terminated. */
const char *const *wrn_command_argv(const wrn_command *command);

#endif
