/* The program that a template starts in its sandboxes.
 *
 * One that listens on a port starts with the first connection to it, and again if it has ended by the next: a sandbox in
 * which nobody needs it costs nothing, and whoever connects waits until it listens. Others start with the sandbox. */
#ifndef WRN_SERVER_BOX_SERVICE_H
#define WRN_SERVER_BOX_SERVICE_H

#include "server/box/box.h"

typedef struct service service;

#define SERVICE_LABEL "service"

/* For a box with its agent and its source. NULL when the template has none, or out of memory. */
service *service_new(wrn_box *box);
/* Once the agent can be spoken to: starts those that start with the sandbox. */
void service_begin(service *s);
/* It runs already. False when there is another one. */
bool service_keep(service *s, const wrn_kept *kept, wrn_proc_events *events);
/* Before the agent is closed: whoever waits gets a fault. Closing the agent ends the rest. NULL is fine. */
void service_stop(service *s);
/* After that. */
void service_free(service *s);
/* Like the backend's dial(), waiting for the service where the port is its own. */
void service_dial(service *s, uint16_t port, wrn_dial_fn done, void *context);

#endif
