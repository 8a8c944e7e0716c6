/* Scheduling priority of the loop's thread: all callers wait for it, and it has little to do at a time. On a busy machine it
 * would otherwise wait for a turn of every program after each wake-up. Workers and child processes get no such priority. */
#pragma once

/* For the calling thread, and its session if the process leads it. Root's loop has processor time reserved; ordinary users
 * only get shorter time slices (Linux 6.12). */
void wrn_precedence_take(void);
/* The same for a process that the loop waits for. */
void wrn_precedence_assist(void);
/* Sets the priority of a worker, which does long work for one caller: below that of the loop. */
void wrn_precedence_yield(void);
/* Short time slices at the usual priority, for the processes of a sandbox, which inherit them: who wakes up waits less long
 * for those that run. Safe after fork. */
void wrn_precedence_share(void);
/* For a thread or process that has inherited the priority. Safe after fork. */
void wrn_precedence_leave(void);
