/* Commands: their pipes or terminal, their credit and their end. One function for each frame that wrennd sends about them.
 *
 * A command with a label is detached: it goes on when wrennd is gone, and the next wrennd gets the label back. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

void command_exec(uint32_t stream, uint8_t flags, const uint8_t *data, uint32_t size);
void command_stdin(uint32_t stream, const uint8_t *data, uint32_t size);
void command_stdin_eof(uint32_t stream);
void command_signal(uint32_t stream, uint32_t signo);
void command_window(uint32_t stream, uint32_t more);
void command_resize(uint32_t stream, uint32_t cols, uint32_t rows);
void command_label(uint32_t stream, const uint8_t *data, uint32_t size);
/* A child of the agent ended. */
void command_reaped(pid_t pid, int status);
/* Milliseconds until command_run_timers() has something to do; -1: it has not. */
int64_t command_next_timer(void);
void command_run_timers(void);
/* The channel has room again. */
void command_resume_output(void);
/* wrennd is gone: ends the commands that are not detached. */
void command_server_lost(void);
/* This machine is a copy: commands that are not detached go on, but their output is dropped. Builtin commands end, because the
 * wrennd that asked for them is not there. */
void command_orphan(void);
/* Another wrennd has re-attached: reports the detached commands to it. `number`: see wrn_resume; 0 without one. */
void command_reattach(uint32_t number);
