/* What the programs in this folder do, whatever loop they have: five commands at once, and a command that is sent a
 * line with every tick of the loop's own timer. Nothing here blocks, and nothing here knows the loop. */
#ifndef WORK_H
#define WORK_H

#include <wrenn/wrenn.h>

typedef struct work {
    wrenn_client *client;
    wrenn_sandbox *sandbox;
    wrenn_stream *stream; /* of the command that reads; NULL before and after */
    wrenn_error *error;   /* the first one */
    int under_way;        /* commands that have not ended */
    int ticks;
    int over; /* the loop may end */
} work;

/* Begins with creating the sandbox. Set work->client before. */
void work_start(work *w);
/* To be called when wrenn_client_fd() is readable. */
void work_dispatch(work *w);
/* To be called by a timer. */
void work_tick(work *w);
/* Frees all, with the client, and says what became of it: the exit code of the program. */
int work_end(work *w, const char *program);

#endif
