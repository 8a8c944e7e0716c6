/* The manners of the platform's own servers, as far as they differ from what a client would expect, on top of the scripted
 * server: a table of what they answer. Four sandboxes are there: one that runs, one that is paused, and those that nobody
 * knows. */
#ifndef WRN_TESTS_REAL_SERVER_H
#define WRN_TESTS_REAL_SERVER_H

#include "script_server.h"

#define REAL_RUNNING "cl-0123456789abcdefghijklmno"
#define REAL_PAUSED "cl-paused0000000000000000000"
#define REAL_UNKNOWN "cl-nowhere000000000000000000"
#define REAL_WRONG_KEY "wrn_wrong"
/* Process 7 and terminal pty-1 are there, others are not. */

typedef struct real_server real_server;

/* v0.1.5, of the capsule era; and the one of the sandbox era. */
typedef enum real_kind { REAL_CAPSULES, REAL_SANDBOXES } real_kind;

real_server *real_start(real_kind kind);
script_server *real_script(real_server *server);
void real_stop(real_server *server);

#endif
