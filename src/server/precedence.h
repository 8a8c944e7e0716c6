/* The loop comes first: all callers wait for it, and it has little to do at a time. Where many programs want a processor,
 * whoever wakes up would else wait for a turn of each of them. Only the loop's thread gets this: what works for it, and
 * what it starts, is not more important than others. */
#ifndef WRN_SERVER_PRECEDENCE_H
#define WRN_SERVER_PRECEDENCE_H

/* For the thread that calls this, and the session if that is the process's own. As far as it may: an ordinary user can't, but
 * for the short turns (Linux 6.12). */
void wrn_precedence_take(void);
/* In a thread that does long work for one caller, which may take longer where others have something to do. */
void wrn_precedence_yield(void);
/* Short time slices at the usual priority, for the processes of a sandbox, which inherit them: who wakes up waits less long
 * for those that run. Safe after fork. */
void wrn_precedence_share(void);
/* In a thread or process that was started by one that has it. Safe after fork. */
void wrn_precedence_leave(void);

#endif
