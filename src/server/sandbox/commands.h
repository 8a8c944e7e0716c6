/* Commands in sandboxes, and their viewers. What commands in the background put out is kept by the agent.
 *
 * A command lives from its start to its end, with or without viewers. Each viewer gets the output from when it attaches; a
 * terminal also keeps its modes and its last output, which a new viewer gets first. A viewer that can't keep up stops the
 * command's output for all, so that nothing is lost and nothing piles up. */
#pragma once

#include "base/arena.h"
#include "server/box/box.h"
#include "server/sandbox/sandboxes.h"
#include "wire/term.h"

typedef struct wrn_command wrn_command;

enum { WRN_TAG_MAX = 64, WRN_REPLAY_MAX = 64 * 1024 };

/* All callbacks but `end` may be NULL. */
typedef struct wrn_viewer {
    void (*start)(struct wrn_viewer *viewer, int64_t pid);
    void (*output)(struct wrn_viewer *viewer, int stream, const void *data, size_t size);
    /* The last callback, unless the viewer detached before. The command is gone when this returns. */
    void (*end)(struct wrn_viewer *viewer, const wrn_proc_result *result);
    void (*room)(struct wrn_viewer *viewer); /* there is room for more input */
    /* Of kept output, instead of `start`: as on_from of wrn_proc_events. */
    void (*from)(struct wrn_viewer *viewer, uint64_t offset, uint64_t dropped);
    wrn_command *command; /* NULL when not attached */
    struct wrn_viewer *next;
    bool stopped; /* wants no output for now */
} wrn_viewer;

/* Read-only for callers, which act on `proc`. */
struct wrn_command {
    struct sandbox *sandbox;
    wrn_command *next;
    wrn_proc *proc;
    uint32_t log; /* of its output, if it is kept */
    wrn_viewer *viewers;
    int64_t pid; /* 0: not started yet */
    bool terminal, foreground, started, stopped;
    bool hidden; /* of the server's own making: a builtin, or somebody who reads kept output */
    bool raw;    /* viewers of the terminal get binary frames */
    char tag[WRN_TAG_MAX + 1];
    const char *const *argv; /* program and arguments, NULL-terminated */
    wrn_arena arena;
    wrn_replay recent; /* of a terminal */
};

/* A sandbox is not idle while a foreground command runs in it. */
typedef enum wrn_command_kind { WRN_COMMAND_FOREGROUND, WRN_COMMAND_BACKGROUND } wrn_command_kind;

/* Starts a command. `tag` and `viewer` may be NULL. The viewer's callbacks never run from inside. NULL with a fault,
 * "conflict" when the tag is in use. */
wrn_command *wrn_command_start(wrn_sandboxes *all, const wrn_sandbox_row *row, const wrn_proc_spec *spec,
                               wrn_command_kind kind, const char *tag, wrn_viewer *viewer, wrn_fault *fault);
/* Finds a command, but no hidden one, by pid when the selector is all digits, else by tag. NULL with a fault. */
wrn_command *wrn_command_find(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *selector, wrn_fault *fault);
/* Calls `each` for all commands that have started, but hidden ones. False with a fault. */
bool wrn_command_list(wrn_sandboxes *all, const wrn_sandbox_row *row, void (*each)(void *context, const wrn_command *),
                      void *context, wrn_fault *fault);

/* Finds the kept output of a command in the background, which may have ended: by pid or tag, or with pid 0 that of the
 * one that was started last. *pid (may be NULL) is set to its own. 0 with a fault. */
uint32_t wrn_command_find_log(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *selector, int64_t *pid,
                              wrn_fault *fault);
/* Reads it. What comes back is hidden, and its viewer ends it by wrn_proc_give_up(). NULL with a fault. */
wrn_command *wrn_command_read_log(wrn_sandboxes *all, const wrn_sandbox_row *row, const wrn_log_request *request,
                                  wrn_viewer *viewer, wrn_fault *fault);

/* The viewer's `start`, if the command has started, and the kept output of a terminal come from inside. */
void wrn_command_attach(wrn_command *command, wrn_viewer *viewer);
/* The command goes on. Does nothing when the viewer is not attached. */
void wrn_command_detach(wrn_viewer *viewer);
/* Back-pressure: no output for this viewer. */
void wrn_command_pause(wrn_viewer *viewer, bool pause);

/* Restarts the sandbox's idle timer. */
void wrn_command_touch(wrn_command *command);
/* A client has sent binary frames to the terminal, so all its viewers get them, also after the next start of wrennd. */
void wrn_command_set_raw(wrn_command *command);
