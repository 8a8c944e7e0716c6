/* The builtin command that waits for a port. */
#pragma once

/* listening PORT [once]: ends with 0 when something listens where wrennd would connect to, at 127.0.0.1 or ::1; with `once`
 * it ends with EAGAIN when nothing does, else it goes on looking until it is killed. */
int builtin_listening(char **argv);
