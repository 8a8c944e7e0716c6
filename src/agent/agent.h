/* wrenn-agent: PID 1 of a sandbox. Runs commands for wrennd and reports what they do.
 *
 *     main.c     the loop: channel, signals, timers
 *     channel.c  frames to and from wrennd on descriptor 3
 *     command.c  one command: its pipes, its credit, its end
 *     keeper.c   the process between the agent and a command, and the command's start
 *     tree.c     finding, stopping and killing a command's descendants
 *     files.c    the commands the agent runs by itself
 *     crowd.c    thousands of processes in a sandbox
 *     drain.c    output that nobody wants any more
 *     user.c     the sandbox's users
 *     followed.c who follows a file
 *     given.c    what programs read about the sandbox's memory and processors
 *
 * Libc only; linked statically. One thread, nothing blocks but the wait for events. */
#ifndef WRN_AGENT_AGENT_H
#define WRN_AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "wire/frame.h"

enum { CHANNEL_IN_FD = 3, HANDOVER_FD = 4, CHANNEL_OUT_FD = 7 };

/* ---- main.c ---- */

typedef struct watch {
    int fd; /* -1: none */
    bool watched;
    void (*ready)(struct watch *w, uint32_t events);
    void *owner;
} watch;

/* Level-triggered; events of 0 stop watching. Closing a watched descriptor goes through watch_close(). */
void watch_set(watch *w, uint32_t events);
void watch_close(watch *w);
int64_t now_ms(void);
/* Gives a process that is to run a command the limit of descriptors back that the agent was started with. */
void restore_limits(void);
_Noreturn void die(const char *why);

/* ---- channel.c ---- */

/* The channel is two pipes, descriptors 3 to read from and 7 to write to. Where descriptor 4 is a socket for packets, wrennd
 * may be followed by another one: two new pipes come through it, and the agent ends only when all are closed. */
void channel_open(void);
/* Queues a frame; without a server it is lost. Output frames are only made while channel_has_room(), so the queue is bounded. */
void channel_send(uint32_t stream, uint8_t type, const void *data, size_t size);
void channel_send_u32(uint32_t stream, uint8_t type, uint32_t value);
/* How many servers have gone. */
unsigned channel_losses(void);
bool channel_has_room(void);
/* Is there a server? */
bool channel_is_open(void);

/* ---- command.c ---- */

void command_exec(uint32_t stream, uint8_t flags, const uint8_t *data, uint32_t size);
void command_stdin(uint32_t stream, const uint8_t *data, uint32_t size);
void command_stdin_eof(uint32_t stream);
void command_signal(uint32_t stream, uint32_t signo);
void command_window(uint32_t stream, uint32_t more);
void command_resize(uint32_t stream, uint32_t cols, uint32_t rows);
void command_label(uint32_t stream, const uint8_t *data, uint32_t size);
/* A child of the agent ended. */
void command_reaped(pid_t pid, int status);
/* Milliseconds until one of them must be looked at; -1: none. */
int64_t command_next_timer(void);
void command_run_timers(void);
/* The channel has room again. */
void command_resume_output(void);
/* The server is gone: ends what has no label, and keeps the last output of the rest for the next one. */
void command_abandon(void);
/* Tells a new one what goes on. */
void command_send_kept(void);

/* ---- user.c ---- */

enum { USER_NAME_MAX = 256, GROUPS_MAX = 64 };

typedef struct account {
    uid_t uid;
    gid_t gid;
    bool has_group; /* it was named; then there are no others */
    gid_t groups[GROUPS_MAX];
    size_t group_count;
    char name[USER_NAME_MAX], home[4096];
} account;

/* "NAME", "ID", either with ":GROUP". 0, or ENOENT. */
int user_find(const char *who, account *u);
/* Does the kernel know its ids here? An ordinary user's sandboxes have root alone. */
bool user_can_be(const account *u);
/* The calling process becomes it, with its 0, 1, 2. 0, or an errno. */
int user_become(const account *u);
/* Looks before it opens, as opening alone can wait, or do something to a device; and after, as it may have been swapped. */
int open_regular(int dir, const char *name);
/* Of 1 MiB at most, with a NUL after it. False, and then `out` is empty. */
bool read_small_file(const char *path, wrn_buf *out);

/* ---- keeper.c ---- */

typedef struct start {
    char **argv, **envp;
    const char *cwd;     /* NULL: home, or / where that can't be entered */
    const account *user; /* NULL: stays who we are */
    int in, out, err;    /* become 0, 1, 2 */
    int report;          /* where the keeper writes keeper_reports */
    bool terminal, builtin;
} start;

typedef enum report_kind { REPORT_STARTED, REPORT_ENDED, REPORT_NO_CWD, REPORT_FAILED } report_kind;
typedef struct keeper_report {
    int32_t kind, value; /* pid, wait status, errno, errno */
} keeper_report;

/* The keeper's pid, or -1 with errno. */
pid_t keeper_start(const start *start);

/* ---- crowd.c ---- */

/* The agent's forks fail from now on when there are many processes, which is how crowd_fork() comes to know of them. */
void crowd_notice(void);
/* Like fork(), for keepers. */
pid_t crowd_fork(void);
/* In a keeper: it may take the last processes. */
void crowd_keeper(void);
/* In a command: it may not. */
void crowd_command(void);
/* In the keeper of a group of processes that has just started. */
void crowd_started(pid_t group);

/* ---- files.c ---- */

/* Runs in a process of its own, with the command's 0, 1, 2. Returns its exit code: 0, or an errno. */
int builtin_main(char **argv);

/* ---- followed.c ---- */

struct stat;
/* By inotify, or waiting at its end for more: then it must stay the same inode. Of a directory: by inotify. */
bool is_followed(const struct stat *target);

/* ---- drain.c ---- */

/* Takes the descriptor over. */
void drain(watch *from);

/* ---- given.c ---- */

/* Brings what /proc/meminfo and /proc/stat show up to date, unless that was just done: before a command, and when somebody
 * reads them from then on. They are descriptors 5 and 6, if these are such files. */
void given_renew(void);

/* ---- tree.c ---- */

/* Sends `signo` to every descendant of `root`, not to itself. SIGKILL leaves none of them, whatever they fork meanwhile. */
void tree_signal(pid_t root, int signo);
/* Kills the agent's own children that are no keepers, and all below them. */
void tree_kill_strays(bool (*is_keeper)(pid_t pid));
/* Stops everything but the agent, or lets it go on. */
void tree_freeze(bool freeze);

#endif
